"""What people do with JupyterHub, over its address: sign in, start a server, run code."""

import os
from collections.abc import Iterator

import httpx
import pytest
from client import Address, Person, SignInRefused, create_token

USERNAME = "functional-test"


@pytest.fixture(scope="session")
def address() -> Address:
    return Address.of(os.environ["GUESTHOUSE_URL_HUB"], ca_file=os.environ.get("GUESTHOUSE_CA"))


@pytest.fixture(scope="session")
def person(address: Address) -> Iterator[Person]:
    token = create_token(address, USERNAME, os.environ["USER_PASSWORD"])
    signed_in = Person(address, USERNAME, token)
    signed_in.start_server()
    yield signed_in
    signed_in.stop_server()
    signed_in.close()


def test_hub_says_which_version_it_is(address: Address) -> None:
    with address.http() as stranger:
        assert stranger.get("/hub/api/").json()["version"].startswith("6.")


def test_stranger_learns_nothing_about_people(address: Address) -> None:
    with address.http() as stranger:
        assert stranger.get("/hub/api/users").status_code == httpx.codes.FORBIDDEN


def test_wrong_password_is_refused(address: Address) -> None:
    with pytest.raises(SignInRefused):
        create_token(address, USERNAME, "not the password")


def test_token_belongs_to_who_signed_in(person: Person) -> None:
    assert person.about()["name"] == USERNAME


def test_kernel_answers(person: Person) -> None:
    assert person.run("6 * 7") == "42"


def test_file_of_some_size_is_uploaded_and_read_back(person: Person) -> None:
    person.upload("big.txt", "x" * 8_000_000)

    assert person.run("len(open('big.txt').read())") == "8000000"
