import pytest

from guesthouse.stacks.check import check
from guesthouse.stacks.sources import FolderTree
from tests.golden.stacks.cases import CASES, EXPECTED, HERE, compile_case, facts

REWRITE = "run python -m tests.golden.stacks.cases and look at the difference"


@pytest.mark.parametrize("name", CASES)
def test_a_product_always_compiles_to_the_same_file(name: str) -> None:
    stack = compile_case(name)
    assert stack.compose == (EXPECTED / f"{name}.yaml").read_text(encoding="utf-8"), REWRITE
    assert facts(stack) == (EXPECTED / f"{name}.json").read_text(encoding="utf-8"), REWRITE


@pytest.mark.parametrize("name", CASES)
def test_a_check_passes_what_compiles(name: str) -> None:
    assert check(FolderTree(HERE / "cases" / name)).passes


def test_every_golden_file_has_its_case() -> None:
    assert sorted({path.stem for path in EXPECTED.iterdir()}) == CASES
