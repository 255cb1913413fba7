"""Durable executions: runs, steps and logs. The only package that knows DBOS."""

from guesthouse.runs.flows import FlowRegistry
from guesthouse.runs.model import (
    Flow,
    Json,
    LogLine,
    Run,
    RunContext,
    RunEnded,
    RunNotFound,
    RunState,
    Step,
    StepDefinition,
    StepState,
    Stream,
)
from guesthouse.runs.service import RunService

__all__ = [
    "Flow",
    "FlowRegistry",
    "Json",
    "LogLine",
    "Run",
    "RunContext",
    "RunEnded",
    "RunNotFound",
    "RunService",
    "RunState",
    "Step",
    "StepDefinition",
    "StepState",
    "Stream",
]
