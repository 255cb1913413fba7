"""Git sources: addresses, refs, listings and limits. Pure: what is decided before git runs."""

import datetime as dt
import ipaddress
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guesthouse.errors import Failed, Invalid, NotFound, Unavailable

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
PROTOCOLS = frozenset({"https", "ssh", "file"})
MEBIBYTE = 2**20
COMMIT = re.compile(r"[0-9a-f]{40}")
URL_CHARACTERS = re.compile(r"[!-~]+")
SSH_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
HOST = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?|[0-9a-fA-F:.]+")
# What git's own check-ref-format refuses, and a leading dash.
REF = re.compile(
    r"(?![-./])(?!.*(\.\.|@\{|//|/\.|\.lock(/|$)))[^\x00-\x20\x7f~^:?*\[\\]{1,255}(?<![./])"
)


@dataclass(frozen=True)
class Reach:
    """Which hosts a source may be at."""

    everywhere: bool = False
    """Whether any address will do, loopback included: for what the operator names."""
    besides: tuple[IpNetwork, ...] = ()
    """Private networks that an operator lists; the public Internet is always in reach."""


PUBLIC = Reach()
EVERYWHERE = Reach(everywhere=True)


@dataclass(frozen=True)
class GitSource:
    """A repository, and what it may be reached with."""

    url: str
    allowed: frozenset[str] = frozenset({"https"})
    """Of https, ssh and file; a partner's sources get https alone."""
    reach: Reach = PUBLIC
    """Where its host may be; anything but https needs to reach everything."""
    ssh_key: Path | None = None
    """The private key for ssh; without one ssh is refused."""
    known_hosts: Path | None = None
    """The pinned host keys for ssh; without them ssh is refused."""


@dataclass(frozen=True)
class GitLimits:
    """What a repository may cost."""

    transfer_bytes: int = 512 * MEBIBYTE
    """What is fetched, as it arrives."""
    tree_bytes: int = 1024 * MEBIBYTE
    """What its files come to when they are written."""
    files: int = 50_000
    resolve: dt.timedelta = dt.timedelta(seconds=30)
    fetch: dt.timedelta = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Address:
    """A repository's address, taken apart and found harmless."""

    protocol: str
    host: str
    """Empty for file."""
    port: int
    path: str
    addresses: tuple[str, ...] = ()
    """What the host stands for, looked up and judged; empty lets git look it up."""


@dataclass(frozen=True)
class Entry:
    """One line of a commit's listing."""

    mode: str
    sha: str
    size: int
    path: str
    """As git writes it: quoted where it holds anything unusual."""

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file: no link, no other repository."""
        return self.mode in {"100644", "100755"}


class GitUrlRefused(Invalid):
    """The address could make git do something else than fetch."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"the Git address {_shown(url)} is refused: {why}",
            next_step="write it as https://host/path, ssh://git@host/path or file:///path",
        )


class GitRefInvalid(Invalid):
    """No branch, tag or commit can be called that."""

    def __init__(self, ref: str) -> None:
        super().__init__(
            f"{_shown(ref)} is no name of a branch or tag, and no full commit",
            next_step="give a branch, a tag or all 40 digits of a commit",
        )


class GitRefMissing(NotFound):
    """The repository has no such branch, tag or commit."""

    def __init__(self, url: str, ref: str) -> None:
        super().__init__(
            f"{url} has no branch, tag or commit {ref}",
            next_step=f"git ls-remote {url} lists what it has",
        )


class GitHostUnreachable(Unavailable):
    """Nothing answers at the address."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(
            f"the host of {url} does not answer",
            next_step="check its name, the network between, and that it runs; then try again",
            detail=detail,
        )


class GitRefused(Invalid):
    """The host answers, but does not give the repository."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(
            f"the host of {url} answers, but gives no repository there",
            next_step="check the path, that we may read it, and that it does not redirect",
            detail=detail,
        )


class GitDamaged(Invalid):
    """What arrived breaks git's own checks."""

    def __init__(self, url: str, commit: str, detail: str) -> None:
        super().__init__(
            f"what {url} gave for {commit[:12]} is damaged or malformed, and was thrown away",
            next_step="git fsck in that repository names the bad object",
            detail=detail,
        )


class GitFolderMissing(NotFound):
    """A file address names nothing."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"there is no repository at {url}",
            next_step="check the path; it is one on the control plane's machine",
        )


class GitStuck(Failed):
    """Git failed at work that needs nobody else."""

    def __init__(self, argv: Sequence[str], detail: str) -> None:
        verb = next(word for word in argv[1:] if word.isalpha() or "-tree" in word)
        super().__init__(
            f"git {verb} failed on what was fetched",
            next_step="guesthouse doctor tells whether git and the disk are well",
            detail=detail,
        )


class GitPinningMissing(Failed):
    """The installed git can't be held to the addresses that were judged."""

    def __init__(self) -> None:
        super().__init__(
            "the installed git would look host names up a second time",
            next_step="install git 2.38 or later",
        )


class GitTooSlow(Unavailable):
    """It took longer than it may."""

    def __init__(self, url: str, limit: dt.timedelta) -> None:
        super().__init__(
            f"{url} took longer than {limit.total_seconds():g} s and was given up",
            next_step="try again, or make the repository smaller",
        )


class GitMissing(Failed):
    """There is no git here."""

    def __init__(self) -> None:
        super().__init__("git is not installed", next_step="guesthouse doctor")


class SourceTooLarge(Invalid):
    """The repository is bigger than sources may be."""

    def __init__(self, url: str, what: str) -> None:
        super().__init__(
            f"the sources at {url} are too large: more than {what}",
            next_step="keep data and build results out of the repository",
        )


class SourceUnsafe(Invalid):
    """A file of the repository has a name nothing may have."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"the repository holds {_shown(path)}, a name that could reach out of its folder",
            next_step="rename or remove that file",
        )


def parse(source: GitSource) -> Address:
    """Return the address taken apart.

    Raises:
        GitUrlRefused: It is no plain https, ssh or file address, or not one allowed here.
    """
    url = source.url
    # A leading dash is an option to git, "::" a helper program, the rest confuses readers.
    if not URL_CHARACTERS.fullmatch(url) or url.startswith("-") or "::" in url.partition("/")[0]:
        raise GitUrlRefused(url, "it holds characters that no address needs")
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise GitUrlRefused(url, "it is malformed") from exc
    if parts.scheme not in source.allowed & PROTOCOLS or not url.startswith(f"{parts.scheme}://"):
        allowed = ", ".join(sorted(source.allowed & PROTOCOLS))
        raise GitUrlRefused(url, f"only {allowed} may be used here")
    if parts.scheme != "https" and not source.reach.everywhere:
        raise GitUrlRefused(url, "only https may be used here")
    if parts.query or parts.fragment:
        raise GitUrlRefused(url, "it has a query or a fragment")
    if parts.scheme == "file":
        return _file(url, parts)
    return _remote(source, parts, port)


def _file(url: str, parts: urllib.parse.SplitResult) -> Address:
    if parts.netloc or not parts.path.startswith("/"):
        raise GitUrlRefused(url, "a file address has three slashes and no host")
    return Address("file", "", 0, urllib.parse.unquote(parts.path))


def _remote(source: GitSource, parts: urllib.parse.SplitResult, port: int | None) -> Address:
    host, user = parts.hostname or "", parts.username
    if not HOST.fullmatch(host):
        raise GitUrlRefused(source.url, "its host is malformed")
    if parts.scheme == "https":
        if "@" in parts.netloc:
            raise GitUrlRefused(source.url, "names and passwords do not belong in an address")
        return Address("https", host, port or 443, parts.path)
    if parts.password is not None or (user is not None and not SSH_USER.fullmatch(user)):
        raise GitUrlRefused(source.url, "its user is malformed, or it holds a password")
    if source.ssh_key is None or source.known_hosts is None:
        raise GitUrlRefused(source.url, "ssh needs a key and pinned host keys of ours")
    return Address("ssh", host, port or 22, parts.path)


def check_ref(ref: str) -> None:
    """Refuse what is no ref.

    Raises:
        GitRefInvalid: Git would not take it as a name, or as something else than one.
    """
    if not REF.fullmatch(ref):
        raise GitRefInvalid(ref)


def full_names(ref: str) -> tuple[str, ...]:
    """Return the full names a ref may stand for, the likeliest first; tags before their inside."""
    if ref == "HEAD" or ref.startswith("refs/"):
        return (f"{ref}^{{}}", ref)
    return (f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}")


def _shown(text: str) -> str:
    """Return text for a message: quoted, unprintables escaped, cut, no password in it."""
    hidden = re.sub(r"//[^/@]*@", "//…@", text)
    return ascii(hidden[:120]) if not hidden.isprintable() else repr(hidden[:120])
