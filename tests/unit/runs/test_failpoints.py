import pytest

from guesthouse.runs.failpoints import Failpoints


@pytest.mark.parametrize("armed", ["step", "step:during:deploy", "walk:before:deploy"])
def test_a_failpoint_that_never_fires_is_refused(armed: str) -> None:
    with pytest.raises(ValueError, match=armed):
        Failpoints(armed)


def test_unarmed_points_do_nothing() -> None:
    Failpoints().reach("step", "before", "deploy")
    Failpoints("step:before:deploy").reach("step", "after", "deploy")
