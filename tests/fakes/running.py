"""Moves a run along as a worker would."""

from guesthouse.db import Database
from guesthouse.errors import Kind
from guesthouse.people import system_scope
from guesthouse.runs import LogLine, Run, RunState, StepState, Stream
from guesthouse.runs.attempts import Attempt, AttemptStore
from guesthouse.runs.model import Ending, Json
from tests.fakes.clock import START

SYSTEM = system_scope()


class HandWorker:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = AttemptStore()

    def start(self, run: Run) -> Attempt:
        with self.database.transaction() as transaction:
            assert self.store.claim(SYSTEM, transaction, run, worker="hand", at=START)
            return self.store.begin(SYSTEM, transaction, run.id, worker="hand")

    def begin_step(self, attempt: Attempt, position: int) -> None:
        with self.database.transaction() as transaction:
            self.store.start_step(
                transaction, attempt, position, expected=StepState.PENDING, at=START
            )

    def end_step(self, attempt: Attempt, position: int, result: Json) -> None:
        with self.database.transaction() as transaction:
            self.store.end_step(transaction, attempt, position, result=result, at=START)

    def write(self, attempt: Attempt, step: str, *texts: str) -> None:
        lines = [LogLine(0, START, Stream.OUTPUT, step, text) for text in texts]
        with self.database.transaction() as transaction:
            self.store.append_lines(transaction, attempt, lines)

    def end(self, attempt: Attempt, ending: Ending) -> None:
        with self.database.transaction() as transaction:
            assert self.store.finish(SYSTEM, transaction, attempt, ending=ending, at=START)

    def succeed(self, run: Run) -> None:
        """Run both steps, with two lines each."""
        attempt = self.start(run)
        for position, step in enumerate(run.steps):
            self.begin_step(attempt, position)
            self.write(attempt, step.name, f"{step.name} one", f"{step.name} two")
            self.end_step(attempt, position, {"timings": {"build": 1.5}})
        self.end(attempt, Ending(RunState.SUCCEEDED))

    def fail(
        self,
        run: Run,
        sentence: str,
        *,
        next_step: str,
        detail: str,
        kind: Kind = Kind.FAILED,
    ) -> None:
        attempt = self.start(run)
        self.begin_step(attempt, 0)
        self.write(attempt, run.steps[0].name, "it starts")
        self.end(attempt, Ending(RunState.FAILED, sentence, next_step, detail, kind))
