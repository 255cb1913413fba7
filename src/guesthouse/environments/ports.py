"""What environments need of the outside world, and what failure means there."""

from pathlib import Path
from typing import Protocol

from guesthouse.environments.model import Source
from guesthouse.instances import OnLine
from guesthouse.kit.sensitive import Sensitive


class SourceFetcher(Protocol):
    """Gets a product's files at a commit."""

    async def resolve(self, url: str, ref: str, /) -> str:
        """Return the full commit a branch, tag or commit stands for.

        Raises:
            NotFound: The repository or the ref does not exist.
            Unavailable: The host does not answer.
        """
        ...

    async def fetch(self, source: Source, commit: str, place: Path, *, on_line: OnLine) -> None:
        """Write the files of a commit to an empty directory, links left out.

        Raises:
            NotFound: The commit is not there.
            Unavailable: The host does not answer.
            Invalid: It is too big, or its address is refused.
        """
        ...

    def bundle(self, place: Path, paths: tuple[str, ...], tar: Path) -> None:
        """Pack files and folders into a tar that is the same for the same content."""
        ...


class Cipher(Protocol):
    """Seals secrets with a key that is not in the database."""

    def seal(self, secret: Sensitive[str], context: str) -> bytes:
        """Return the secret, readable only with the key and for the same context."""
        ...

    def open(self, sealed: bytes, context: str) -> Sensitive[str]:
        """Return a sealed secret.

        Raises:
            Unavailable: The key is not the one it was sealed with.
        """
        ...
