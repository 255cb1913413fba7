"""What `guesthouse login` was given, by address; a file only its owner may read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from guesthouse.errors import Denied, Invalid
from guesthouse.kit.files import replace_file
from guesthouse.kit.sensitive import Sensitive

VERSION: Final = 1
OTHERS: Final = 0o077
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class CredentialsOpen(Denied):
    """Others may read the file, so what is in it may be known to them."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"others may read {file}", next_step=f"chmod 600 {file}")


class CredentialsUnreadable(Invalid):
    """The file holds something else."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"{file} cannot be read: {why}", next_step=f"rm {file}, then: guesthouse login"
        )


class AddressInvalid(Invalid):
    """The text is no address of a control plane, or none a token may be sent to."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(
            f"{text[:200]!r} {why}", next_step="give one such as https://console.example.com"
        )


@dataclass(frozen=True)
class KeptSignIn:
    """A sign-in at one control plane."""

    login: str
    token: Sensitive[str]
    ca: str = ""
    """PEM text of a CA to trust there; empty trusts those the system does."""


@dataclass(frozen=True)
class Credentials:
    """Every sign-in, and at which address the last one was."""

    file: Path
    current: str = ""
    servers: Mapping[str, KeptSignIn] = field(default_factory=dict)

    def of(self, url: str) -> KeptSignIn | None:
        """Return the sign-in at an address, however it is written."""
        try:
            return self.servers.get(normal_address(url))
        except AddressInvalid:
            return None

    def keep(self, url: str, kept: KeptSignIn) -> None:
        """Write a sign-in down; it is the last one from now on."""
        self._write(url, {**self.servers, url: kept})

    def forget(self, url: str) -> None:
        """Drop a sign-in."""
        left = {name: kept for name, kept in self.servers.items() if name != url}
        self._write("" if self.current == url else self.current, left)

    def _write(self, current: str, servers: Mapping[str, KeptSignIn]) -> None:
        """Replace the file in one rename; it has mode 0600 from its first byte on."""
        document = {
            "version": VERSION,
            "current": current,
            "servers": {
                name: {"login": kept.login, "token": kept.token.reveal(), "ca": kept.ca}
                for name, kept in sorted(servers.items())
            },
        }
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self.file, json.dumps(document, indent=2) + "\n")


def read_credentials(file: Path) -> Credentials:
    """Return what is kept; nothing where nobody has signed in.

    Raises:
        CredentialsOpen: Others may read the file.
        CredentialsUnreadable: It holds something else.
    """
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Credentials(file)
    except (OSError, UnicodeDecodeError) as exc:
        raise CredentialsUnreadable(file, str(exc)) from exc
    if mode & OTHERS:
        raise CredentialsOpen(file)
    try:
        return _credentials(file, json.loads(text))
    except (ValueError, LookupError, TypeError, AttributeError) as exc:
        raise CredentialsUnreadable(file, "it is not as guesthouse login writes it") from exc


def normal_address(text: str) -> str:
    """Return an address as sign-ins are kept by.

    Raises:
        AddressInvalid: It is none, or a token would travel in the clear.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise AddressInvalid(text, "is no address") from exc
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise AddressInvalid(text, "is no address of a control plane")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise AddressInvalid(text, "is not encrypted, and a token would be sent there")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{'' if port is None else f':{port}'}"


def _credentials(file: Path, document: Any) -> Credentials:  # noqa: ANN401 - what the file holds
    servers = {
        str(name): KeptSignIn(str(kept["login"]), Sensitive(str(kept["token"])), str(kept["ca"]))
        for name, kept in document["servers"].items()
    }
    return Credentials(file, str(document["current"]), servers)
