import pytest

from tests.integration.examples.laptop import Laptop

PRODUCT = "beacon"
WITHOUT_GATEWAY = ("pytest", "functional_tests/test_product.py", "-p", "no:cacheprovider")

pytestmark = pytest.mark.docker


def test_product_keeps_its_promises_without_a_gateway(laptop: Laptop) -> None:
    assert " passed" in laptop.run_tests(*WITHOUT_GATEWAY)


def test_product_comes_back_after_broker_and_database_restart(laptop: Laptop) -> None:
    before = laptop.inspect()["api"]["State"]["StartedAt"]

    laptop.restart("broker")
    laptop.restart("database")

    assert " passed" in laptop.run_tests(*WITHOUT_GATEWAY, "-k", "arrive or kept")
    assert laptop.inspect()["api"]["State"]["StartedAt"] == before


def test_no_process_of_the_product_runs_as_root(laptop: Laptop) -> None:
    users = {name: facts["Config"]["User"] for name, facts in laptop.inspect().items()}

    assert users == {
        "api": "beacon",
        "broker": "mosquitto",
        "database": "postgres",
        "frontend": "beacon",
        "simulator": "beacon",
    }
