"""Passwords are hashed slowly, in a thread of their own."""

import asyncio
import threading

import pytest

from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import TooManyAttempts
from guesthouse.people.passwords import Argon2, PasswordLane
from tests.fakes.people import FakeHasher

PASSWORD = Sensitive("plenty of wet llamas")


@pytest.fixture(scope="module")
def argon2() -> Argon2:
    return Argon2()


def test_a_password_fits_its_hash_and_no_other(argon2: Argon2) -> None:
    kept = argon2.hash(PASSWORD)
    assert kept.startswith("$argon2id$v=19$")
    assert PASSWORD.reveal() not in kept
    assert argon2.verify(PASSWORD, kept) == (True, None)
    assert argon2.verify(Sensitive("plenty of wet lamas"), kept) == (False, None)
    assert argon2.hash(PASSWORD) != kept


def test_a_letter_fits_however_the_keyboard_writes_it(argon2: Argon2) -> None:
    kept = argon2.hash(Sensitive("pl\u00e9nty of wet llamas"))
    assert argon2.verify(Sensitive("ple\u0301nty of wet llamas"), kept)[0]


def test_a_text_too_long_to_be_a_password_is_not_normalised(
    argon2: Argon2, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = argon2.hash(PASSWORD)
    accents = Sensitive("a" + "\u0301\u0327" * 1_000_000)
    # Nothing can be called of it.
    monkeypatch.setattr("guesthouse.people.passwords.unicodedata", None)
    assert argon2.verify(accents, kept) == (False, None)
    assert argon2.verify(accents, argon2.decoy) == (False, None)


def test_nothing_fits_the_decoy_and_its_costs_are_those_of_a_hash(argon2: Argon2) -> None:
    assert argon2.verify(PASSWORD, argon2.decoy) == (False, None)
    costs = [text.split("$")[1:4] for text in (argon2.decoy, argon2.hash(PASSWORD))]
    assert costs[0] == costs[1]
    assert len(argon2.decoy) == len(argon2.hash(PASSWORD))


@pytest.mark.parametrize("kept", ["", "x", "$argon2id$v=19$m=1", "$2b$12$abc"])
def test_what_is_no_hash_fits_nothing(argon2: Argon2, kept: str) -> None:
    assert argon2.verify(PASSWORD, kept) == (False, None)


def test_a_hash_of_other_costs_is_made_anew_when_it_fits(argon2: Argon2) -> None:
    # Of PASSWORD, with 8 KiB and one pass.
    cheap = _cheap()
    fits, better = argon2.verify(PASSWORD, cheap)
    assert fits
    assert better is not None
    assert argon2.verify(PASSWORD, better) == (True, None)
    assert argon2.verify(Sensitive("something else"), cheap) == (False, None)


async def test_all_is_hashed_in_one_thread_that_is_not_the_loops() -> None:
    lane, seen = PasswordLane(FakeHasher()), []

    def note(number: int) -> int:
        seen.append(threading.get_ident())
        return number

    answers = await asyncio.gather(*(lane.run(note, number) for number in range(50)))
    assert answers == list(range(50))
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()


async def test_the_loop_goes_on_while_passwords_wait() -> None:
    lane, gate = PasswordLane(FakeHasher()), threading.Event()
    waiting = [asyncio.create_task(lane.run(gate.wait, 10)) for _ in range(50)]
    # The framework's threads are free: fifty more calls than it has threads do not stop these.
    assert [await asyncio.to_thread(abs, -number) for number in range(5)] == list(range(5))
    gate.set()
    assert all(await asyncio.gather(*waiting))


async def test_who_comes_when_too_many_wait_is_sent_away_at_once() -> None:
    lane, gate = PasswordLane(FakeHasher(), max_waiting=2), threading.Event()
    waiting = [asyncio.create_task(lane.run(gate.wait, 10)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyAttempts) as sent:
        await lane.run(gate.wait, 10)
    assert sent.value.retry_after.total_seconds() > 0
    gate.set()
    await asyncio.gather(*waiting)
    assert await lane.run(abs, -1) == 1


async def test_an_error_leaves_the_lane_open() -> None:
    lane = PasswordLane(FakeHasher(), max_waiting=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await lane.run(divmod, 1, 0)


def _cheap() -> str:
    from pwdlib.hashers.argon2 import Argon2Hasher

    return Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD.reveal())
