"""Rows of the database to values, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from guesthouse.errors import Kind
from guesthouse.runs.model import Run, RunState, Step, StepState

RUN_FIELDS = frozenset(item.name for item in fields(Run)) - {"steps", "state", "error_kind"}


def run_of(row: Mapping[str, Any], steps: Sequence[Mapping[str, Any]] = ()) -> Run:
    """Return the run a row holds, with its steps."""
    values = {name: row[name] for name in RUN_FIELDS}
    return Run(
        **values,
        state=RunState(row["state"]),
        steps=tuple(map(step_of, steps)),
        error_kind=Kind.of(row["error_kind"]),
    )


def step_of(row: Mapping[str, Any]) -> Step:
    """Return the step a row holds."""
    return Step(
        name=row["name"],
        idempotent=row["idempotent"],
        state=StepState(row["state"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        result=row["result"],
        starts=row["starts"],
    )
