import json
from collections.abc import Mapping

import pytest

from guesthouse.adapters.git.trace import was_pack_refused


def _trace(*events: Mapping[str, object]) -> str:
    return "\n".join(json.dumps(event) for event in events) + '\n{"event":"ex'


CHECKER = {"event": "start", "sid": "a/b", "argv": ["git", "index-pack", "--strict"]}
OTHER = {"event": "start", "sid": "a", "argv": ["git", "fetch"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            _trace(CHECKER, {"event": "exit", "sid": "a/b", "code": 128}), True, id="bad"
        ),
        pytest.param(
            _trace(CHECKER, {"event": "exit", "sid": "a/b", "code": 0}), False, id="good"
        ),
        pytest.param(_trace(OTHER, {"event": "exit", "sid": "a", "code": 128}), False, id="other"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_only_a_refused_pack_counts(text: str, *, expected: bool) -> None:
    assert was_pack_refused(text) is expected
