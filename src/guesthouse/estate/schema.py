"""JSON Schema of each kind of file, so that editors complete and check what is written.

A file names its schema in its first line, which most editors' YAML servers read::

    # yaml-language-server: $schema=../.guesthouse/environment.schema.json
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guesthouse.estate.documents import SHAPES

DIRECTORY = ".guesthouse"
"""Where an estate repository keeps them; hidden, so that they are not read as declarations."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> Mapping[str, dict[str, Any]]:
    """Return the schema of each kind of file: ``estate``, ``product`` and so on."""
    return {_kind(folder): _schema(folder) for folder in SHAPES}


def schema_hint(kind: str) -> str:
    """Return the line that goes first in a file of this kind.

    Args:
        kind: ``estate``, ``product``, ``partner``, ``instance`` or ``environment``.
    """
    above = "" if kind == "estate" else "../"
    return f"# yaml-language-server: $schema={above}{DIRECTORY}/{_file_name(kind)}"


def write_schemas(
    directory: Path, found: Mapping[str, dict[str, Any]] | None = None
) -> tuple[Path, ...]:
    """Write one file for each kind and return their paths; what is there already is replaced.

    Args:
        directory: Where they go.
        found: Schemas by kind; None is `schemas()`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, schema in (schemas() if found is None else found).items():
        path = directory / _file_name(kind)
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return tuple(written)


def _schema(folder: str) -> dict[str, Any]:
    schema = SHAPES[folder].json_schema()
    return {"$schema": DIALECT, **schema, "title": f"Guesthouse {_kind(folder)}"}


def _kind(folder: str) -> str:
    return folder.removesuffix("s")


def _file_name(kind: str) -> str:
    return f"{kind}.schema.json"
