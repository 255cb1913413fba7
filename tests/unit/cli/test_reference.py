"""The reference pages list exactly what there is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from guesthouse.cli.app import app as command_line
from guesthouse.edge.access import admission_of

INTERNAL = "/api/internal/"
REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def _listed(page: str, heading: str) -> list[str]:
    text = (REFERENCE / page).read_text().split(f"## {heading}\n", 1)[1]
    return [line for line in text.splitlines() if line.startswith("| `")]


def _routes(app: FastAPI) -> Iterator[str]:
    # The application looks through those of gateways first; who reads the page wants the others.
    contexts = sorted(iter_route_contexts(app.routes), key=lambda each: INTERNAL in str(each.path))
    for context in contexts:
        endpoint = context.endpoint
        assert endpoint is not None
        about = (endpoint.__doc__ or "").strip().splitlines()[0]
        for method in sorted(context.methods or ()):
            yield f"| `{method} {context.path}` | {admission_of(endpoint).word} | {about} |"


def _verbs(command: Any, words: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - Typer keeps its type to itself
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _verbs(inner, (*words, name))
        return
    arguments = [p.metavar for p in command.params if p.param_type_name == "argument"]
    options = [
        f"`{p.opts[0]}`"
        for p in command.params
        if p.param_type_name == "option" and not p.hidden and p.name != "help"
    ]
    about = command.help.strip().splitlines()[0]
    yield f"| `{' '.join((*words, *arguments))}` | {' '.join(options)} | {about} |"


def test_the_api_page_lists_every_route(app: FastAPI) -> None:
    assert _listed("api.md", "Addresses") == list(_routes(app))


def test_the_command_line_page_lists_every_verb() -> None:
    root = typer.main.get_command(command_line)
    assert _listed("cli.md", "Verbs") == list(_verbs(root, ("guesthouse",)))
