"""Executes one run: step after step, each claimed, watched, logged and stored."""

import asyncio
import datetime as dt
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from guesthouse.db import Transaction
from guesthouse.db.engine import DatabaseUnavailable
from guesthouse.errors import GuesthouseError, Kind
from guesthouse.kit.clock import Clock
from guesthouse.people import system_scope
from guesthouse.runs import plan
from guesthouse.runs.attempts import AttemptStore
from guesthouse.runs.context import StepContext, masked
from guesthouse.runs.desk import Desk
from guesthouse.runs.failpoints import Failpoints
from guesthouse.runs.flows import FlowRegistry
from guesthouse.runs.hold import Hold, Interruption
from guesthouse.runs.masking import Masker
from guesthouse.runs.model import (
    Ending,
    Flow,
    FlowUnknown,
    Json,
    Run,
    RunState,
    StaleAttempt,
    StepDefinition,
    Stream,
)
from guesthouse.runs.store import RunStore

T = TypeVar("T")
FLUSH = dt.timedelta(milliseconds=100)
RETRY = dt.timedelta(seconds=1)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tools:
    """What the executor works with."""

    desk: Desk
    clock: Clock
    flows: FlowRegistry
    failpoints: Failpoints
    cancel_grace: dt.timedelta
    """How long a cancelled step may clean up."""


class Executor:
    """Takes one hold on a run to its end, or as far as it may."""

    def __init__(self, tools: Tools, hold: Hold, is_stopping: Callable[[], bool]) -> None:
        self._tools = tools
        self._hold = hold
        self._is_stopping = is_stopping
        self._attempts = AttemptStore()
        self._runs = RunStore()
        self._scope = system_scope()
        self._storing = asyncio.Lock()

    async def execute(self) -> bool:
        """Execute the run.

        Returns:
            Whether it ended; False where a worker has to take it up again.

        Raises:
            StaleAttempt: Another worker has taken it up, or something else ended it.
        """
        flusher = asyncio.create_task(self._flush_for_ever())
        try:
            return await self._steps()
        finally:
            flusher.cancel()
            await asyncio.gather(flusher, return_exceptions=True)

    async def _steps(self) -> bool:
        while True:
            run = await self._in_transaction(self._read)
            flow = self._flow(run)
            decision = plan.decide(run, flow)
            if isinstance(decision, Ending):
                await self._finish(run, decision)
                return True
            if self._is_stopping():
                await self._flush()
                return False
            ending = await self._step(run, decision)
            if ending is not None:
                await self._finish(run, ending)
                return True
            if self._hold.interruption is Interruption.STOP:
                await self._flush()
                return False

    async def _step(self, run: Run, start: plan.StartStep) -> Ending | None:
        """Run one step; return how it ends the run, or None where the run goes on."""
        step, hold = start.step, self._hold
        self._reach("before", step)
        await self._in_transaction(
            lambda transaction: self._attempts.start_step(
                transaction,
                hold.attempt,
                start.position,
                expected=start.expected,
                at=self._tools.clock.now(),
            )
        )
        self._reach("started", step)
        context = StepContext(run, step.name, hold.buffer, hold.masker)
        task = asyncio.create_task(_call(step, context), name=f"{run.id}/{step.name}")
        await self._watch(task, context, is_undo=start.is_undo)
        self._reach("done", step)
        ending = await self._outcome(run, start, task)
        self._reach("after", step)
        return ending

    async def _watch(
        self, task: asyncio.Task[Json], context: StepContext, *, is_undo: bool
    ) -> None:
        """Wait for the step; when the run is interrupted, cancel it and let it clean up."""
        interrupted = asyncio.create_task(self._hold.interrupted.wait())
        grace = self._tools.cancel_grace.total_seconds()
        try:
            await asyncio.wait({task, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            if is_undo and self._hold.interruption is Interruption.CANCEL:
                # It does what a cancel asks for; cut short, it would only begin anew.
                await asyncio.wait({task}, timeout=grace)
            if not task.done():
                context.is_cancelled = True
                task.cancel()
                await asyncio.wait({task}, timeout=grace)
        finally:
            interrupted.cancel()
            # When this worker itself is torn down, its step must not go on without it.
            if not task.done():
                task.cancel()

    async def _outcome(
        self, run: Run, start: plan.StartStep, task: asyncio.Task[Json]
    ) -> Ending | None:
        step = start.step
        if self._hold.interruption is Interruption.FENCED:
            raise StaleAttempt(run.id)
        if not task.done():
            return _never_ended(step, self._tools.cancel_grace)
        if task.cancelled():
            return self._cut_short(run, step)
        error = task.exception()
        if error is None:
            return await self._store_result(start, task.result())
        if isinstance(error, StaleAttempt):
            raise error
        if isinstance(error, GuesthouseError):
            return self._refused(run, step, error)
        return self._internal_error(run, step, error)

    def _refused(self, run: Run, step: StepDefinition, error: GuesthouseError) -> Ending:
        detail = _detail(error)
        if run.cancel_requested or self._hold.interruption is Interruption.CANCEL:
            # The step says in its own words that it was cut short.
            told = f"{error.sentence}\n{detail}".strip()
            return Ending(RunState.CANCELLED, f"cancelled while step {step.name!r} ran", "", told)
        return Ending(RunState.FAILED, error.sentence, error.next_step, detail, error.kind)

    def _cut_short(self, run: Run, step: StepDefinition) -> Ending | None:
        if self._hold.interruption is Interruption.CANCEL:
            return Ending(RunState.CANCELLED, f"cancelled while step {step.name!r} ran")
        if self._hold.interruption is Interruption.STOP:
            return plan.stopped(run, step)
        return self._internal_error(run, step, asyncio.CancelledError())

    async def _store_result(self, start: plan.StartStep, result: Json) -> Ending | None:
        kept = masked(dict(result), self._hold.masker)
        await self._flush()
        await self._in_transaction(
            lambda transaction: self._attempts.end_step(
                transaction,
                self._hold.attempt,
                start.position,
                result=kept,
                at=self._tools.clock.now(),
            )
        )
        return None

    def _internal_error(self, run: Run, step: StepDefinition, error: BaseException) -> Ending:
        shown = self._hold.masker("".join(traceback.format_exception(error)))
        facts = {"run": run.id, "step": step.name, "traceback": shown}
        logger.error("run.internal_error", extra=facts)
        return Ending(
            RunState.FAILED,
            f"an internal error ended step {step.name!r}: {type(error).__name__}",
            next_step=f"look for {run.id} in the control plane's log, and report what it says",
            error_kind=Kind.FAILED,
        )

    async def _finish(self, run: Run, ending: Ending) -> None:
        ending = _masked(ending, self._hold.masker)
        if ending.sentence:
            self._hold.buffer.write("", ending.sentence, Stream.NOTE)
        await self._flush()
        await self._in_transaction(partial(self._end, run, ending))
        logger.info("run.ended", extra={"run": run.id, "state": ending.state.value})
        self._tools.failpoints.reach("run", "finished", run.kind)

    def _end(self, run: Run, ending: Ending, transaction: Transaction) -> None:
        now, attempt = self._tools.clock.now(), self._hold.attempt
        if self._attempts.finish(self._scope, transaction, attempt, ending=ending, at=now):
            self._tools.flows.tell_ended(transaction, run, ending.state)

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH.total_seconds())
            try:
                await self._flush()
            except StaleAttempt:
                self._hold.interrupt(Interruption.FENCED)
                return
            except SQLAlchemyError:
                # The lines are kept and come with the next flush.
                logger.exception("run.flush_failed", extra={"run": self._hold.attempt.run_id})

    async def _flush(self) -> None:
        """Store the lines written so far; one flush at a time, so they stay in order."""
        async with self._storing:
            lines = self._hold.buffer.take()
            if not lines:
                return
            try:
                await self._in_transaction(
                    lambda transaction: self._attempts.append_lines(
                        transaction, self._hold.attempt, lines
                    )
                )
            except BaseException:
                self._hold.buffer.put_back(lines)
                raise

    async def _in_transaction(self, work: Callable[[Transaction], T]) -> T:
        """Do the work; while the database is away, wait for it: the step's result is kept."""
        while True:
            try:
                return await self._tools.desk.write(work)
            except DatabaseUnavailable:
                if self._is_stopping():
                    raise
                logger.warning(
                    "run.database_unavailable", extra={"run": self._hold.attempt.run_id}
                )
                await asyncio.sleep(RETRY.total_seconds())

    def _read(self, transaction: Transaction) -> Run:
        run = self._runs.get(self._scope, transaction, self._hold.attempt.run_id)
        if run is None or run.attempt != self._hold.attempt.number or run.state.is_terminal:
            raise StaleAttempt(self._hold.attempt.run_id)
        return run

    def _flow(self, run: Run) -> Flow | None:
        try:
            return self._tools.flows.get(run.kind)
        except FlowUnknown:
            return None

    def _reach(self, moment: str, step: StepDefinition) -> None:
        self._tools.failpoints.reach("step", moment, step.name)


async def _call(step: StepDefinition, context: StepContext) -> Json:
    return await step.function(context)


def _detail(error: GuesthouseError) -> str:
    return "\n".join([*(str(problem) for problem in error.problems), error.detail]).strip()


def _never_ended(step: StepDefinition, grace: dt.timedelta) -> Ending:
    return Ending(
        RunState.LOST,
        f"step {step.name!r} was cancelled and did not end within {grace.total_seconds():g} s",
        next_step="restart the worker, then look what the step left behind",
    )


def _masked(ending: Ending, mask: Masker) -> Ending:
    return replace(
        ending,
        sentence=mask(ending.sentence),
        next_step=mask(ending.next_step),
        detail=mask(ending.detail),
    )
