"""Files that are whole or not there, and that only their owner reads."""

import os
import secrets
from pathlib import Path

PRIVATE = 0o600


def replace_file(file: Path, text: str, *, mode: int = PRIVATE) -> None:
    """Replace a file in one rename; it has its mode from the first byte on.

    Args:
        file: In a directory that is there.
        text: All it shall hold, kept as UTF-8.
        mode: Who may read and write it.

    Raises:
        OSError: It cannot be written.
    """
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    beside.replace(file)
