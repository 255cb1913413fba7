"""What pages load: bundled beforehand, held in memory, named by content, so kept for ever."""

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.responses import Response

from guesthouse.errors import NotFound, Unavailable

DIST: Final = Path(__file__).parent / "static" / "dist"
PREFIX: Final = "/static"
SUFFIXES: Final[Mapping[str, str]] = {"br": ".br", "gzip": ".gz"}
"""By content coding, the better one first."""
FOR_EVER: Final = "public, max-age=31536000, immutable"


class AssetsMissing(Unavailable):
    """The bundle was never built."""

    def __init__(self, place: Path) -> None:
        super().__init__(
            f"the pages' scripts and styles are not built: {place} has no manifest",
            next_step="make install",
        )


class AssetNotFound(NotFound):
    """There is no such file, perhaps since a newer version took its place."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no file {name}", next_step="load the page again")


@dataclass(frozen=True)
class Asset:
    """One file, plain and compressed."""

    media_type: str
    plain: bytes
    coded: Mapping[str, bytes]
    """By content coding."""


class Assets:
    """Every file of the bundle."""

    def __init__(self, names: Mapping[str, str], files: Mapping[str, Asset]) -> None:
        self._names = names
        self._files = files

    @classmethod
    def read(cls, place: Path = DIST) -> "Assets":
        """Read the bundle.

        Raises:
            AssetsMissing: It is not there.
        """
        try:
            names = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
        except OSError as exc:
            raise AssetsMissing(place) from exc
        return cls(names, {name: _read(place / name) for name in names.values()})

    @property
    def addresses(self) -> tuple[tuple[str, str], ...]:
        """Where a page finds each file: ``app.css`` → ``/static/app-<hash>.css``."""
        return tuple((name, f"{PREFIX}/{file}") for name, file in sorted(self._names.items()))

    def response(self, name: str, accepted: str) -> Response:
        """Return a file in the best coding the browser accepts.

        Raises:
            AssetNotFound: There is none of that name.
        """
        asset = self._files.get(name)
        if asset is None:
            raise AssetNotFound(name)
        codings = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
        coding = next((coding for coding in asset.coded if coding in codings), None)
        content = asset.plain if coding is None else asset.coded[coding]
        response = Response(content, media_type=asset.media_type)
        response.headers["Cache-Control"] = FOR_EVER
        response.headers["Vary"] = "Accept-Encoding"
        if coding is not None:
            response.headers["Content-Encoding"] = coding
        return response


def _read(file: Path) -> Asset:
    coded = {
        coding: file.with_name(file.name + suffix).read_bytes()
        for coding, suffix in SUFFIXES.items()
    }
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Asset(media_type, file.read_bytes(), coded)
