"""Running programs and saying what they said when they fail."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench.measure import LIMIT_SECONDS

REPOSITORY = Path(__file__).parents[1]


class ProgramFailed(Exception):
    """A benchmark cannot go on."""

    def __init__(self, argv: list[str], output: str) -> None:
        super().__init__(f"{' '.join(argv[:4])} failed:\n{output[-3000:]}")


def run(*argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a program to its end and return its output.

    Raises:
        ProgramFailed: It did not exit 0.
    """
    words = [str(word) for word in argv]
    done = subprocess.run(
        words,
        env=None if env is None else {**base_environment(), **env},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise ProgramFailed(words, done.stdout + done.stderr)
    return done.stdout


def play(directory: Path, playbook: Path, variables: Mapping[str, str]) -> str:
    """Run one of our playbooks by hand.

    Args:
        directory: Where Ansible may keep its things.
        playbook: Its path below ``ansible/``.
        variables: What it is told.
    """
    file = directory / "variables.json"
    file.write_text(json.dumps(dict(variables)), encoding="utf-8")
    program = REPOSITORY / ".venv" / "bin" / "ansible-playbook"
    settings = {
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible" / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "ansible"),
    }
    return run(
        program,
        "-i",
        "instance,",
        "-e",
        f"@{file}",
        REPOSITORY / "ansible" / playbook,
        env=settings,
    )


def base_environment() -> dict[str, str]:
    """Return the least a program needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8"}
