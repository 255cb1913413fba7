from pathlib import Path

import pytest

from guesthouse import config
from guesthouse.bootstrap.oidc import (
    ProviderIncomplete,
    callback_address,
    external_sign_in,
    group_mapping,
)
from guesthouse.bootstrap.people import people
from guesthouse.db import Database
from guesthouse.people.groups import MappingInvalid
from guesthouse.people.oidc import ExternalSignIn
from tests.fakes.clock import FakeClock
from tests.fakes.external import NoHasher

COMPLETE = {
    "GUESTHOUSE_OIDC_ISSUER": "https://id.example.com",
    "GUESTHOUSE_OIDC_CLIENT_ID": "guesthouse",
    "GUESTHOUSE_OIDC_GROUPS": "IT Ops = operator",
}


def wired(
    database: Database, clock: FakeClock, state: Path, settings: dict[str, str]
) -> ExternalSignIn | None:
    loaded = config.load({"GUESTHOUSE_STATE": str(state), **settings})
    everybody = people(loaded, database, clock, NoHasher())
    return external_sign_in(loaded, everybody.parts, everybody.signin)


def test_without_an_issuer_there_are_passwords_alone(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    assert wired(database, clock, tmp_path, {}) is None


def test_the_provider_is_not_asked_before_somebody_signs_in(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    assert isinstance(wired(database, clock, tmp_path, COMPLETE), ExternalSignIn)


@pytest.mark.parametrize("missing", ["CLIENT_ID", "GROUPS"])
def test_an_issuer_alone_is_not_enough(
    database: Database, clock: FakeClock, tmp_path: Path, missing: str
) -> None:
    settings = {name: value for name, value in COMPLETE.items() if not name.endswith(missing)}
    with pytest.raises(ProviderIncomplete, match=f"GUESTHOUSE_OIDC_{missing} is not"):
        wired(database, clock, tmp_path, settings)


def test_groups_may_come_from_a_file_and_are_read_at_start(tmp_path: Path) -> None:
    file = tmp_path / "groups"
    file.write_text("IT Ops = operator\nAcme Developers = acme:developer\n")
    settings = config.load({"HOME": "/h", "GUESTHOUSE_OIDC_GROUPS_FILE": str(file)})
    assert [grant.group for grant in group_mapping(settings).grants] == [
        "IT Ops",
        "Acme Developers",
    ]
    file.write_text("IT Ops\n")
    settings = config.load({"HOME": "/h", "GUESTHOUSE_OIDC_GROUPS_FILE": str(file)})
    with pytest.raises(MappingInvalid):
        group_mapping(settings)


@pytest.mark.parametrize(
    ("port", "address"),
    [
        ("443", "https://console.example.com/sign-in/oidc/callback"),
        ("8443", "https://console.example.com:8443/sign-in/oidc/callback"),
    ],
)
def test_the_callback_is_the_console_s(port: str, address: str) -> None:
    settings = {"GUESTHOUSE_DOMAIN": "example.com", "GUESTHOUSE_GATEWAY_PORT": port}
    assert callback_address(config.load({"HOME": "/h", **settings})) == address
