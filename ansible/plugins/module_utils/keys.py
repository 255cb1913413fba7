"""The SSH keys of an instance, on the control plane: our pair, and the one host key we accept."""

from __future__ import annotations

import subprocess
from pathlib import Path

FILES = ("id_ed25519", "id_ed25519.pub", "known_hosts")
KEYGEN_SECONDS = 30


def key_pair(work: Path) -> tuple[str, bool]:
    """Return the public half of the instance's key, and whether it was made just now."""
    private = work / "id_ed25519"
    made = not private.exists()
    if made:
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "guesthouse"]
        subprocess.run(  # noqa: S603 - an argv list
            [*argv, "-f", str(private)],
            stdin=subprocess.DEVNULL,
            check=True,
            capture_output=True,
            timeout=KEYGEN_SECONDS,
        )
    return private.with_suffix(".pub").read_text(encoding="utf-8").strip(), made


def pin(work: Path, *, address: str, port: int, key: str) -> bool:
    """Write known_hosts with the one key we accept; return whether that changed anything."""
    path = work / "known_hosts"
    name = address if port == 22 else f"[{address}]:{port}"  # noqa: PLR2004 - ssh's own rule
    text = f"{name} {key}\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return True


def forget(work: Path) -> list[str]:
    """Remove the keys; return what there was."""
    there = [work / name for name in FILES if (work / name).exists()]
    for path in there:
        path.unlink()
    return [str(path) for path in there]
