from pathlib import Path

import pytest

from guesthouse.adapters.git import EVERYWHERE, PUBLIC, GitRefInvalid, GitSource, GitUrlRefused
from guesthouse.adapters.git.model import check_ref, full_names, parse

ALL = frozenset({"https", "ssh", "file"})
KEY, HOSTS = Path("/keys/id"), Path("/keys/known_hosts")


def _source(url: str, allowed: frozenset[str] = ALL) -> GitSource:
    return GitSource(url, allowed, EVERYWHERE, KEY, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch x",
        "-u./evil",
        "ext::sh -c touch% x",
        "ext::x",
        "fd::17",
        "https::https://git.example.com/a",
        "http://git.example.com/a",
        "git://git.example.com/a",
        "ftp://git.example.com/a",
        "git@git.example.com:a.git",
        "/srv/git/a",
        "../a",
        "file:relative",
        "file://host/srv/git",
        "https:git.example.com/a",
        "https:///a",
        "https://anna@git.example.com/a",
        "https://anna:secret@git.example.com/a",
        "https://@git.example.com/a",
        "https://git.example.com:port/a",
        "https://-oProxyCommand=x/a",
        "https://git.example.com/a\nhost",
        "https://git.example.com/a b",
        "https://git.example.com/a\x00",
        "https://git.example.com/ä",
        "https://git.example.com/a?x=1",
        "https://git.example.com/a#main",
        "https://[::1/a",
        "ssh://-oProxyCommand=x/a",
        "ssh://git@-oProxyCommand=x/a",
        "ssh://-oProxyCommand=x@git.example.com/a",
        "ssh://git:secret@git.example.com/a",
        "",
    ],
)
def test_an_address_that_does_more_than_name_a_repository_is_refused(url: str) -> None:
    with pytest.raises(GitUrlRefused) as refused:
        parse(_source(url))
    assert refused.value.next_step
    assert "secret" not in refused.value.sentence


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://git.example.com/a.git", ("https", "git.example.com", 443, "/a.git")),
        ("https://git.example.com:8443/a", ("https", "git.example.com", 8443, "/a")),
        ("https://[::1]/a", ("https", "::1", 443, "/a")),
        ("ssh://git@git.example.com/a", ("ssh", "git.example.com", 22, "/a")),
        ("file:///srv/a%20b", ("file", "", 0, "/srv/a b")),
    ],
)
def test_plain_addresses_pass(url: str, expected: tuple[str, str, int, str]) -> None:
    address = parse(_source(url))
    assert (address.protocol, address.host, address.port, address.path) == expected


@pytest.mark.parametrize("url", ["file:///srv/a", "ssh://git@git.example.com/a"])
def test_a_partner_has_https_alone(url: str) -> None:
    with pytest.raises(GitUrlRefused, match="only https may"):
        parse(GitSource(url))
    with pytest.raises(GitUrlRefused, match="only https may"):
        parse(GitSource(url, ALL, PUBLIC, KEY, HOSTS))


def test_ssh_needs_our_key_and_pinned_hosts() -> None:
    with pytest.raises(GitUrlRefused, match="pinned"):
        parse(GitSource("ssh://git@git.example.com/a", ALL, EVERYWHERE, KEY))


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "-u",
        "--upload-pack=x",
        "a b",
        "a\nb",
        "a..b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "a[b",
        "a\\b",
        "@{-1}",
        "/a",
        "a/",
        "a//b",
        "a.lock",
        "a.lock/b",
        ".a",
        "a/.b",
        "a.",
        "a" * 256,
    ],
)
def test_a_ref_git_would_read_as_something_else_is_refused(ref: str) -> None:
    with pytest.raises(GitRefInvalid):
        check_ref(ref)


@pytest.mark.parametrize("ref", ["main", "v1.2", "feature/a-b", "refs/heads/main", "HEAD", "ä"])
def test_ordinary_refs_pass(ref: str) -> None:
    check_ref(ref)


def test_a_branch_comes_before_a_tag_of_its_name() -> None:
    assert full_names("v1") == ("refs/heads/v1", "refs/tags/v1^{}", "refs/tags/v1")
    assert full_names("refs/tags/v1") == ("refs/tags/v1^{}", "refs/tags/v1")
