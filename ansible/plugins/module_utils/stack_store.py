"""What an environment keeps on the instance, and how a new version takes the old one's place.

    <root>/versions/<id>/   compose.yaml, version.json, sources/
    <root>/files/<tag>/     secrets and configs; containers mount them from here
    <root>/mounts/<tag>/    parts of the sources that containers mount
    <root>/current          link to the version that serves; replaced by rename only
    <root>/previous         link to the one before
    <root>/pending          stands while containers may be half-changed
    <root>/runs/            logs

`current` and `previous` are links to directories that are never changed, so a version can be
brought up again exactly as it was. What containers mount lies outside: Compose makes a container
anew when the path of a mounted file changes, so that path changes with the content only.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ansible_collections.guesthouse.platform.plugins.module_utils import stack_bundle
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_deployment import (
    Deployment,
    Gateway,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import Failure
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_watch import Watch

KEPT_LOGS = 20
"""Logs of runs that stay here; the control plane has its own copy of each."""


class MountMissing(Failure):
    """What a service mounts is not in the bundle."""

    def __init__(self, path: str) -> None:
        super().__init__("build", f"The sources hold no {path!r}, which a service mounts.")


@dataclass(frozen=True)
class Version:
    """One deployed state: what is needed to bring it up again. Holds no secrets."""

    id: str
    run: str
    files: list[str]
    """Paths below the root that its containers mount or Compose reads."""
    env_file: str | None
    expected: dict[str, dict]
    wait_seconds: float
    settle_seconds: float
    gateway: Gateway | None = None
    images: dict[str, str] = field(default_factory=dict)
    """Reference to image id, as it was when this version was brought up."""
    containers: dict[str, list[str]] = field(default_factory=dict)
    compose_version: str = ""
    since: float | None = None
    """When it began to be brought up, in seconds since the epoch: volumes from then on are its."""

    @classmethod
    def of(cls, deployment: Deployment, *, version_id: str) -> Version:
        """Return the version a deployment makes, before anything of it runs."""
        return cls(
            id=version_id,
            run=deployment.run,
            files=[*deployment.files, *deployment.mounts],
            env_file=deployment.env_file,
            expected=deployment.expected,
            wait_seconds=deployment.wait_seconds,
            settle_seconds=deployment.settle_seconds,
            gateway=deployment.gateway,
        )


class Store:
    """The directory of one environment."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def home(self) -> Path:
        """Empty directory that stands in for a home and for Docker's settings."""
        return self.root / "home"

    def make_home(self) -> None:
        """Make that directory."""
        self.home.mkdir(mode=0o700, exist_ok=True)

    def directory_of(self, version: Version) -> Path:
        """Return where a version's Compose file and sources are; build contexts start here."""
        return self.root / "versions" / version.id

    def compose_file_of(self, version: Version) -> Path:
        """Return a version's Compose file."""
        return self.directory_of(version) / "compose.yaml"

    def env_file_of(self, version: Version) -> Path:
        """Return the file Compose takes values from: never a repository's `.env`."""
        return self.root / version.env_file if version.env_file else Path("/dev/null")

    def read(self, name: str) -> Version | None:
        """Return the version that `current` or `previous` names, or None."""
        try:
            text = (self.root / name / "version.json").read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        raw = json.loads(text)
        gateway = raw.pop("gateway")
        return Version(**raw, gateway=Gateway(**gateway) if gateway else None)

    def stage(self, version: Version, deployment: Deployment, watch: Watch) -> None:
        """Write a version beside the current one; a half-written one of old is thrown away."""
        directory = self.directory_of(version)
        if not self._is_linked(directory):
            shutil.rmtree(directory, ignore_errors=True)
            directory.parent.mkdir(mode=0o700, exist_ok=True)
            directory.mkdir(0o700)
            if deployment.bundle:
                stack_bundle.unpack(Path(deployment.bundle), directory / "sources", watch)
            _write_text(directory / "compose.yaml", deployment.compose)
            self.save(version)
        self._write_files(deployment)
        self._copy_mounts(directory / "sources", deployment.mounts)

    def save(self, version: Version) -> None:
        """Write down what is known about a version."""
        text = json.dumps(asdict(version), sort_keys=True, indent=1)
        _write_text(self.directory_of(version) / "version.json", text)

    def promote(self, version: Version) -> None:
        """Make a version the current one, and the current one the previous one."""
        current = self.read("current")
        if current is not None and current.id != version.id:
            self._link("previous", current)
        self._link("current", version)
        self.clear_pending()

    def step_back(self, version: Version | None) -> None:
        """Make the previous version current again; None leaves nothing current."""
        if version is None:
            self._unlink("current")
        else:
            self._link("current", version)
        self._unlink("previous")
        self.clear_pending()

    def mark_pending(self, version: Version) -> None:
        """Note that from here on containers may be half-changed; keep an earlier mark."""
        if not self.is_pending():
            _write_text(self.root / "pending", version.run)

    def is_pending(self) -> bool:
        """Return whether containers may be half-changed."""
        return self.pending_since() is not None

    def pending_since(self) -> float | None:
        """Return since when containers may be half-changed, in seconds since the epoch."""
        try:
            return (self.root / "pending").stat().st_mtime
        except FileNotFoundError:
            return None

    def clear_pending(self) -> None:
        """Note that the containers are of one version again."""
        self._unlink("pending")

    def discard_unused(self) -> list[Version]:
        """Remove what neither `current` nor `previous` names; return these two."""
        kept = [v for v in (self.read("current"), self.read("previous")) if v is not None]
        self._keep_only("versions", {version.id for version in kept})
        paths = {path for version in kept for path in version.files}
        for top in ("files", "mounts"):
            tags = {path.split("/")[1] for path in paths if path.startswith(f"{top}/")}
            self._keep_only(top, tags)
        self._drop_old_logs()
        return kept

    def remove(self) -> bool:
        """Remove the whole directory; return whether it held more than this call made."""
        entries = {entry.name for entry in self.root.iterdir()} if self.root.is_dir() else set()
        shutil.rmtree(self.root, ignore_errors=True)
        return bool(entries - {"lock", "home", "runs"})

    def _write_files(self, deployment: Deployment) -> None:
        for path, text in deployment.files.items():
            place = self.root / path
            if place.exists():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            # Users inside containers must read what is mounted; on the instance nobody but root
            # passes the root directory (0700). Compose's own values are for root alone.
            _write_text(place, text, mode=0o600 if path == deployment.env_file else 0o644)

    def _copy_mounts(self, sources: Path, mounts: dict[str, str]) -> None:
        for path, origin in mounts.items():
            place = self.root / path
            if place.exists():
                continue
            if not (sources / origin).exists():
                raise MountMissing(origin)
            place.parent.mkdir(parents=True, exist_ok=True)
            _copy(sources / origin, place)

    def _drop_old_logs(self) -> None:
        logs = list((self.root / "runs").glob("*.log"))
        for log in sorted(logs, key=lambda path: path.stat().st_mtime)[:-KEPT_LOGS]:
            log.unlink()

    def _is_linked(self, directory: Path) -> bool:
        links = (self.root / name for name in ("current", "previous"))
        return any(link.resolve() == directory.resolve() for link in links)

    def _link(self, name: str, version: Version) -> None:
        aside = self.root / f"{name}.new"
        with contextlib.suppress(FileNotFoundError):
            aside.unlink()
        aside.symlink_to(Path("versions", version.id))
        aside.replace(self.root / name)

    def _unlink(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.root / name).unlink()

    def _keep_only(self, name: str, kept: set[str]) -> None:
        parent = self.root / name
        for entry in list(parent.iterdir()) if parent.is_dir() else []:
            if entry.name not in kept:
                shutil.rmtree(entry, ignore_errors=True)


def _copy(origin: Path, place: Path) -> None:
    """Copy a file or folder by rename, so that a copy with its final name is always complete."""
    aside = place.with_name(f"{place.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    if origin.is_dir():
        shutil.copytree(origin, aside, symlinks=True)
    else:
        shutil.copy(origin, aside, follow_symlinks=False)
    aside.rename(place)


def _write_text(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file by rename: a reader sees the old text or the new one."""
    aside = path.with_name(f"{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        aside.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(aside, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)
    aside.replace(path)
