"""The files of a first estate."""

from collections.abc import Mapping
from pathlib import Path

from guesthouse.config import Settings
from guesthouse.errors import Conflict
from guesthouse.estate.load import ESTATE_FILE
from guesthouse.estate.schema import DIRECTORY, schema_hint, write_schemas


class EstateThere(Conflict):
    """There is an estate already."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory / ESTATE_FILE} is there already",
            next_step=f"guesthouse plan {directory}",
        )


def write_estate(directory: Path, settings: Settings) -> tuple[Path, ...]:
    """Write a first estate and return its files.

    Raises:
        EstateThere: There is one already; nothing is written.
    """
    if (directory / ESTATE_FILE).exists():
        raise EstateThere(directory)
    written = []
    for name, text in _files(settings).items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        written.append(file)
    return (*written, *write_schemas(directory / DIRECTORY))


def _files(settings: Settings) -> Mapping[str, str]:
    return {
        ESTATE_FILE: (
            f"{schema_hint('estate')}\n"
            "name: main\n"
            f"domain: {settings.domain}\n"
            f"apps_domain: {settings.apps_domain}\n"
        ),
        "instances/local.yaml": (
            f"{schema_hint('instance')}\n"
            "# This machine. Other providers: container, ssh.\n"
            "name: local\n"
            "provider: local\n"
        ),
        "products/README.md": (
            "One file for each product, such as beacon.yaml:\n\n"
            f"    {schema_hint('product')}\n"
            "    name: beacon\n"
            "    source: {git: https://git.example.com/beacon, ref: main}\n"
        ),
        "partners/README.md": (
            "One file for each partner, such as acme.yaml:\n\n"
            f"    {schema_hint('partner')}\n"
            "    name: acme\n"
            "    title: Acme Ltd\n"
            "    members:\n"
            "      - {login: ann, title: Ann Archer, role: manager}\n"
        ),
        "environments/README.md": (
            "One file for each environment, such as acme.yaml:\n\n"
            f"    {schema_hint('environment')}\n"
            "    name: acme\n"
            "    partner: acme\n"
            "    product: beacon\n"
            "    instance: local\n"
            "    phase: development\n"
        ),
    }
