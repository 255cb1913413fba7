"""How the first operator comes in: by a link that is printed, and no open page."""

import datetime as dt
import stat
from pathlib import Path

import pytest

from guesthouse import config
from guesthouse.bootstrap.people import People, first_invitation
from guesthouse.config import Settings
from guesthouse.people.errors import InvitationSpent
from guesthouse.people.model import ActorKind
from tests.fakes.clock import FakeClock
from tests.fakes.people import PASSWORD, signed_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    state = tmp_path / "state"
    state.mkdir()
    return config.load(
        {
            "GUESTHOUSE_STATE": str(state),
            "GUESTHOUSE_DOMAIN": "example.com",
            "GUESTHOUSE_GATEWAY_PORT": "8443",
        }
    )


async def test_the_first_operator_comes_in_by_a_link(
    everybody: People, settings: Settings
) -> None:
    link = first_invitation(settings, everybody)
    assert link is not None
    address, _, code = link.rpartition("/")
    assert address == "https://console.example.com:8443/invitation"
    account = await everybody.accounts.accept(code, PASSWORD)
    assert (account.login, account.kind) == ("operator", ActorKind.OPERATOR)
    assert signed_in(everybody, account).is_enrolling


def test_until_then_it_is_the_same_link_and_ours_alone_to_read(
    everybody: People, settings: Settings
) -> None:
    link = first_invitation(settings, everybody)
    assert first_invitation(settings, everybody) == link
    file = settings.invitation_file
    assert file.read_text() == f"{link}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in settings.state.iterdir()] == [file.name]


async def test_with_an_operator_there_is_no_link(everybody: People, settings: Settings) -> None:
    link = first_invitation(settings, everybody)
    assert link is not None
    await everybody.accounts.accept(link.rpartition("/")[2], PASSWORD)
    assert first_invitation(settings, everybody) is None
    assert not settings.invitation_file.exists()
    with pytest.raises(InvitationSpent):
        everybody.accounts.invitation(link.rpartition("/")[2])


def test_a_link_that_expired_or_was_lost_is_made_anew(
    everybody: People, settings: Settings, clock: FakeClock
) -> None:
    first = first_invitation(settings, everybody)
    clock.advance(dt.timedelta(days=7))
    second = first_invitation(settings, everybody)
    settings.invitation_file.write_text("something else\n")
    third = first_invitation(settings, everybody)
    assert len({first, second, third}) == 3
