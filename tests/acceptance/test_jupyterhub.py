"""JupyterHub, a product nobody here wrote, driven through the gateway by a client of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.jupyterhub.functional_tests.client import (
    Address,
    Person,
    SignInRefused,
    create_token,
)

from tests.acceptance.plane import GATEWAY_PORT, REPOSITORY, Plane, Said, write_estate
from tests.acceptance.repository import Repository

pytestmark = pytest.mark.docker
ENVIRONMENT = "hub-acme"
URL = f"https://hub--{ENVIRONMENT}.apps.localhost:{GATEWAY_PORT}"
# Every character that is special to someone on its way: Compose, a file of variables, YAML, SQL.
PASSWORD = "it's-100%-$ecret-for-#acme"  # noqa: S105 - of this test alone


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate that declares the product as its folder stands, for one partner."""
    folder = tmp_path_factory.mktemp("jupyterhub")
    repository = Repository(folder / "repository")
    repository.take_over(REPOSITORY / "examples" / "jupyterhub")
    return write_estate(
        folder / "estate",
        {
            "estate.yaml": {
                "name": "demo",
                "domain": "localhost",
                "apps_domain": "apps.localhost",
            },
            "products/jupyterhub.yaml": {
                "name": "jupyterhub",
                "source": {"git": repository.url, "ref": "main"},
            },
            "partners/acme.yaml": {"name": "acme", "title": "Acme Ltd"},
            "instances/local.yaml": {"name": "local", "provider": "local"},
            f"environments/{ENVIRONMENT}.yaml": {
                "name": ENVIRONMENT,
                "partner": "acme",
                "product": "jupyterhub",
                "instance": "local",
                "phase": "development",
            },
        },
    )


@pytest.fixture(scope="module")
def asked(plane: Plane, place: Path) -> Iterator[Said]:
    """What the first apply says: a password that people type is not made up."""
    yield plane.run("apply", place, "--yes")
    plane.ok("env", "destroy", ENVIRONMENT, "--yes")


@pytest.fixture(scope="module")
def hub(plane: Plane, place: Path, asked: Said) -> Plane:
    """The product up, its own functional tests passed."""
    del asked
    plane.ok("env", "secret", "set", ENVIRONMENT, "USER_PASSWORD", typed=PASSWORD)
    plane.ok("apply", place, "--yes", seconds=900)
    return plane


@pytest.fixture(scope="module")
def address(hub: Plane) -> Address:
    return Address.of(URL, ca_file=str(hub.ca), machine="127.0.0.1")


def test_the_password_is_asked_for_with_the_command_that_gives_it(asked: Said) -> None:
    assert asked.code == 2, asked.out + asked.err
    assert f"next: guesthouse env secret set {ENVIRONMENT} USER_PASSWORD" in asked.err


@pytest.fixture(scope="module")
def ann(address: Address) -> Iterator[Person]:
    """A person with a token and a server that runs."""
    signed_in = Person(address, "ann", create_token(address, "ann", PASSWORD))
    signed_in.start_server()
    yield signed_in
    signed_in.stop_server()
    signed_in.close()


def test_a_person_runs_code_in_a_kernel_over_the_gateway(ann: Person) -> None:
    assert ann.run("6 * 7") == "42"


def test_the_product_decides_who_gets_in(hub: Plane, address: Address) -> None:
    with pytest.raises(SignInRefused):
        create_token(address, "ann", "not the password")
    with hub.client(token=hub.token) as operator:
        # The platform's own token is nothing to a product with tokens of its own.
        assert operator.get(f"{URL}/hub/api/users").status_code == 403


def test_the_product_s_own_tests_are_the_run_s_last_step_but_ready(hub: Plane) -> None:
    run = hub.ok("env", "show", ENVIRONMENT, "--json").json["current_run"]
    steps = hub.ok("run", "show", run, "--json").json["steps"]
    assert [(step["name"], step["state"]) for step in steps][-2:] == [
        ("test", "succeeded"),
        ("ready", "succeeded"),
    ]
    junit = hub.ok("run", "junit", run).out
    assert 'failures="0"' in junit
    assert "test_kernel_answers" in junit


def test_the_password_is_in_no_log(hub: Plane) -> None:
    run = hub.ok("env", "show", ENVIRONMENT, "--json").json["current_run"]
    assert PASSWORD not in hub.ok("run", "log", run).out
