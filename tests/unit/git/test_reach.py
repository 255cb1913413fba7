import ipaddress
from pathlib import Path

import pytest

from guesthouse.adapters.git import (
    EVERYWHERE,
    GitHostUnreachable,
    GitPinningMissing,
    GitSource,
    GitUrlRefused,
    Reach,
)
from guesthouse.adapters.git.command import Sandbox
from guesthouse.adapters.git.model import parse
from guesthouse.adapters.git.reach import is_allowed, pinned

URL = "https://git.example.com/a"
COMPANY = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("text", "public", "listed"),
    [
        ("1.1.1.1", True, True),
        ("2606:4700::1111", True, True),
        ("10.1.2.3", False, True),
        ("10.2.0.1", False, False),
        ("::ffff:10.1.2.3", False, True),
        ("::ffff:10.2.0.1", False, False),
        ("127.0.0.1", False, False),
        ("::1", False, False),
        ("0.0.0.0", False, False),  # noqa: S104 - an address nobody may connect to
        ("169.254.169.254", False, False),
        ("fe80::1", False, False),
        ("100.64.0.1", False, False),
        ("192.168.1.1", False, False),
        ("224.0.0.1", False, False),
        ("ff0e::1", False, False),
        ("64:ff9b::7f00:1", False, False),
        ("2002:7f00:1::", False, False),
        ("2001:0:7f00:1::", False, False),
        ("fd12::1", False, True),
    ],
)
def test_only_the_public_internet_and_what_is_listed_is_in_reach(
    text: str, *, public: bool, listed: bool
) -> None:
    address = ipaddress.ip_address(text)
    assert (is_allowed(address, ()), is_allowed(address, COMPANY)) == (public, listed)


async def _answer(_host: str, _port: int) -> tuple[str, ...]:
    return ("1.1.1.1", "2606:4700::1111")


async def _nobody(_host: str, _port: int) -> tuple[str, ...]:
    message = "no such name"
    raise OSError(message)


async def test_git_is_told_what_was_judged(tmp_path: Path) -> None:
    source = GitSource(URL)
    address = await pinned(source, parse(source), _answer)
    words = Sandbox(tmp_path).remote(source, address, "fetch")
    assert "http.curloptResolve=git.example.com:443:1.1.1.1,[2606:4700::1111]" in words


async def test_what_an_operator_names_is_not_looked_up_before_git_does() -> None:
    source = GitSource(URL, reach=EVERYWHERE)
    assert (await pinned(source, parse(source), _nobody)).addresses == ()


async def test_a_name_without_an_address_is_an_unreachable_host() -> None:
    source = GitSource(URL)
    with pytest.raises(GitHostUnreachable):
        await pinned(source, parse(source), _nobody)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "a.0x7f"])
async def test_a_number_spelt_for_another_reader_is_refused(host: str) -> None:
    source = GitSource(f"https://{host}/a")
    with pytest.raises(GitUrlRefused, match="unusual spelling"):
        await pinned(source, parse(source), _answer)


async def test_a_plain_address_is_judged_as_it_is() -> None:
    for url, besides in (("https://127.0.0.1/a", ()), ("https://[::1]/a", COMPANY)):
        source = GitSource(url, reach=Reach(besides=besides))
        with pytest.raises(GitUrlRefused, match="public Internet"):
            await pinned(source, parse(source))


async def test_a_git_that_would_look_up_again_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\necho git version 2.34.1\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    source = GitSource(URL)
    with pytest.raises(GitPinningMissing):
        await pinned(source, parse(source), _answer)
