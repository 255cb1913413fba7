import pytest

from tests.integration.examples.laptop import Laptop

PRODUCT = "jupyterhub"

pytestmark = pytest.mark.docker


def test_person_signs_in_and_a_kernel_answers(laptop: Laptop) -> None:
    assert " passed" in laptop.run_tests()
