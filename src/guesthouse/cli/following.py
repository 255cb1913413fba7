"""A run as it goes: steps as lines, its log between them, and how it ended."""

from collections.abc import Mapping, Sequence
from typing import Any

from guesthouse.cli.client import Api
from guesthouse.cli.show import duration
from guesthouse.cli.terminal import Terminal
from guesthouse.errors import Failed, GuesthouseError, Kind

MARKS: Mapping[str, tuple[str, str]] = {
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "cancelled": ("■", "yellow"),
    "lost": ("?", "red"),
}
SENTENCES: Mapping[str, str] = {
    "failed": "the run failed",
    "cancelled": "the run was cancelled",
    "lost": "the run was interrupted where it can't be repeated",
}


class RunUnsuccessful(Failed):
    """A run that was followed did not succeed; says what the run says, and is of its kind."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        about = run["environment"] or run["kind"]
        sentence = run["sentence"] or SENTENCES[run["state"]]
        super().__init__(
            f"{about}: {sentence}",
            next_step=run["next_step"] or f"guesthouse run log {run['id']}",
            detail=run["detail"],
        )
        self.kind = Kind.of(run["error_kind"]) or Kind.FAILED


class Interrupted(GuesthouseError):
    """The person stopped watching; the run goes on."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"run {run_id} goes on without you",
            next_step=f"guesthouse run log {run_id} --follow, or guesthouse run cancel {run_id}",
        )


def follow(api: Api, terminal: Terminal, run: Mapping[str, Any]) -> dict[str, Any]:
    """Show a run until it ends.

    Returns:
        The run as it ended.

    Raises:
        Interrupted: The person pressed Ctrl-C.
    """
    about = run["environment"] or run["kind"]
    terminal.talk(f"run {run['id']} ({run['kind']}, {about}) {run['state']}", "bold")
    seen: set[tuple[str, str]] = set()
    ended: dict[str, Any] = dict(run)
    try:
        for event in api.follow(run["id"]):
            if event.name == "line":
                terminal.log(f"  │ {event.data['text']}")
            elif event.name == "step":
                _step(terminal, event.data, seen)
            elif event.name == "end":
                ended = dict(event.data)
    except KeyboardInterrupt as exc:
        raise Interrupted(run["id"]) from exc
    return ended


def follow_all(
    api: Api, terminal: Terminal, runs: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Show runs one after the other; each goes on meanwhile, and none of its lines is lost."""
    return [follow(api, terminal, run) for run in runs]


def raise_unless_succeeded(runs: Sequence[Mapping[str, Any]], terminal: Terminal) -> None:
    """Say what went wrong.

    Raises:
        RunUnsuccessful: A run did not succeed; those before the last were told already.
    """
    failures = [RunUnsuccessful(run) for run in runs if run["state"] != "succeeded"]
    for failure in failures[:-1]:
        terminal.talk(f"error: {failure.sentence}", "red")
    if failures:
        raise failures[-1]


def _step(terminal: Terminal, step: Mapping[str, Any], seen: set[tuple[str, str]]) -> None:
    """Write that a step started or ended; a reconnect says it again, so it is remembered."""
    key = (step["name"], step["state"])
    if key in seen:
        return
    seen.add(key)
    if step["state"] == "running":
        terminal.talk(f"● {step['name']}")
    elif step["state"] in MARKS:
        mark, colour = MARKS[step["state"]]
        terminal.talk(f"{mark} {step['name']}  {duration(step['seconds'])}".rstrip(), colour)
