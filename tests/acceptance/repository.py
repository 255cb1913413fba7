"""Git repositories that products are deployed from."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

AUTHOR = ("-c", "user.name=owner", "-c", "user.email=owner@example.com")


@dataclass(frozen=True)
class Repository:
    """A repository on this machine; what is committed goes to main."""

    place: Path

    @property
    def url(self) -> str:
        return f"file://{self.place}"

    def create(self) -> None:
        self.place.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")

    def take_over(self, folder: Path) -> str:
        """Begin with the files of a folder as they are."""
        self.create()
        shutil.copytree(
            folder,
            self.place,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"),
        )
        return self._commit("as it is")

    def write(self, message: str, texts: dict[str, str]) -> str:
        """Commit these files and return the commit's hash."""
        for name, text in texts.items():
            (self.place / name).write_text(text)
        return self._commit(message)

    def _commit(self, message: str) -> str:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *argv: str) -> str:
        done = subprocess.run(
            ["git", *AUTHOR, *argv], cwd=self.place, check=True, capture_output=True, text=True
        )
        return done.stdout
