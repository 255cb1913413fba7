"""The git command line: every safety setting, in one place. Only words; nothing runs here."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guesthouse.adapters.git.model import Address, GitSource
from guesthouse.kit import process

SETTINGS: tuple[str, ...] = (
    # A redirect could lead to an address nobody checked.
    "http.followRedirects=false",
    "http.sslVerify=true",
    # A server that trickles is given up; the time limit stands above that.
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    # Nothing of a repository runs here.
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "safe.bareRepository=explicit",
    # Malformed objects have been attacks on git before.
    "transfer.fsckObjects=true",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    # Everything stays one pack, and big objects are streamed: what arrives costs disk as it
    # arrives, not memory or its unpacked size.
    "transfer.unpackLimit=1",
    "core.bigFileThreshold=8m",
    "pack.threads=1",
    "gc.auto=0",
    "maintenance.auto=false",
    "credential.helper=",
    # Paths come escaped, so a line is a path.
    "core.quotePath=true",
    "core.attributesFile=/dev/null",
    "advice.detachedHead=false",
)


@dataclass(frozen=True)
class Sandbox:
    """A directory of its own for one operation."""

    home: Path
    """Empty but for what the methods of this module say."""
    ca_file: Path | None = None
    """Certificates to trust besides; None is what git trusts itself."""

    @property
    def repository(self) -> Path:
        """The bare repository that things are fetched into."""
        return self.home / "repository"

    @property
    def trace(self) -> Path:
        """Where git says, as data, what its parts did."""
        return self.home / "trace"

    def git(self, *words: str) -> list[str]:
        """Return a call of git that reaches nothing outside."""
        return ["git", *_options((*SETTINGS, "protocol.allow=never")), *words]

    def remote(self, source: GitSource, address: Address, *words: str) -> list[str]:
        """Return a call of git that may reach the source, by its own protocol alone."""
        settings = [
            *SETTINGS,
            "protocol.allow=never",
            f"protocol.{address.protocol}.allow=always",
        ]
        if self.ca_file is not None:
            settings.append(f"http.sslCAInfo={self.ca_file}")
        if address.addresses:
            # The port's list holds for this host alone, and nothing else is asked: no redirects.
            found = ",".join(f"[{one}]" if ":" in one else one for one in address.addresses)
            settings.append(f"http.curloptResolve={address.host}:{address.port}:{found}")
        if address.protocol == "ssh":
            settings.append(f"core.sshCommand={self._ssh(source)}")
        return ["git", *_options(tuple(settings)), *words]

    def environment(self, address: Address) -> Mapping[str, str]:
        """Return the whole environment git gets."""
        return {
            "PATH": process.base_environment().get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self._global_settings(address)),
            "GIT_ATTR_NOSYSTEM": "1",
            # The state directory may lie inside somebody's repository: its settings are not ours.
            "GIT_CEILING_DIRECTORIES": str(self.home.parent.resolve()),
            "GIT_ALLOW_PROTOCOL": address.protocol,
            "GIT_PROTOCOL_FROM_USER": "0",
            # Never ask anyone: there is nobody to answer.
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "SSH_ASKPASS": "/bin/false",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_SSH_VARIANT": "ssh",
            "GIT_TRACE2_EVENT": str(self.trace),
        }

    def _global_settings(self, address: Address) -> Path:
        """Return the only settings file git reads.

        A repository on this machine may belong to another user than we run as; the operator
        named it, so git need not doubt it. No other setting is in there.
        """
        if address.protocol != "file":
            return Path("/dev/null")
        file = self.home / "settings"
        quoted = address.path.replace("\\", "\\\\").replace('"', '\\"')
        text = f'[safe]\n\tdirectory = "{quoted}"\n\tdirectory = "{quoted}/.git"\n'
        file.write_text(text, encoding="utf-8")
        return file

    def _ssh(self, source: GitSource) -> str:
        # Git hands this to a shell; every word is ours and quoted.
        words = ["ssh", "-F", "/dev/null", "-i", str(source.ssh_key)]
        for option in (
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={source.known_hosts}",
            "GlobalKnownHostsFile=/dev/null",
            "ConnectTimeout=10",
            "ClearAllForwardings=yes",
            "PermitLocalCommand=no",
        ):
            words += ["-o", option]
        return shlex.join(words)


def _options(settings: tuple[str, ...]) -> list[str]:
    return [word for setting in settings for word in ("-c", setting)]
