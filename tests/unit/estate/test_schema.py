import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
import yaml

from guesthouse.estate.load import load
from guesthouse.estate.schema import schema_hint, schemas, write_schemas
from tests.golden.compare import assert_golden
from tests.unit.estate.cast import DOCUMENTS

KINDS = ("estate", "product", "partner", "instance", "environment")


def test_each_kind_of_file_has_a_schema() -> None:
    assert tuple(schemas()) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_as_reviewed_and_valid(kind: str) -> None:
    schema = schemas()[kind]
    jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    assert_golden(f"estate/{kind}.schema.json", text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_loads_fits_its_schema(name: str) -> None:
    kind = name.split("/", maxsplit=1)[0].removesuffix(".yaml").removesuffix("s")
    load(DOCUMENTS)
    validator = jsonschema.Draft202012Validator(schemas()[kind])
    assert list(validator.iter_errors(yaml.safe_load(DOCUMENTS[name]))) == []


def test_an_unknown_key_does_not_fit() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "a", "title": "A", "colour": "red"}, schemas()["partner"])


def test_schemas_are_written_where_the_hint_points(tmp_path: Path) -> None:
    written = write_schemas(tmp_path / ".guesthouse")
    assert [path.name for path in written] == [f"{kind}.schema.json" for kind in KINDS]
    hint = schema_hint("environment")
    (tmp_path / "environments").mkdir()
    target = tmp_path / "environments" / hint.rpartition("=")[2]
    assert json.loads(target.read_text())["title"] == "Guesthouse environment"
    assert schema_hint("estate") == (
        "# yaml-language-server: $schema=.guesthouse/estate.schema.json"
    )
