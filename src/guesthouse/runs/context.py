"""What a step is handed."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from guesthouse.kit.sensitive import Sensitive
from guesthouse.runs.logbuffer import LogBuffer
from guesthouse.runs.masking import Masker
from guesthouse.runs.model import Json, Run, RunContext, Stream


class StepContext(RunContext):
    """One step's view of its run."""

    def __init__(self, run: Run, step: str, buffer: LogBuffer, masker: Masker) -> None:
        self._run = run
        self._step = step
        self._buffer = buffer
        self._masker = masker
        self.is_cancelled = False

    @property
    @override
    def run(self) -> Run:
        return self._run

    @property
    @override
    def payload(self) -> Json:
        return self._run.payload

    @property
    @override
    def results(self) -> Mapping[str, Json]:
        return {step.name: step.result for step in self._run.steps if step.result is not None}

    @property
    @override
    def cancelled(self) -> bool:
        return self.is_cancelled

    @override
    def log(self, line: str, stream: Stream = Stream.OUTPUT) -> None:
        self._buffer.write(self._step, line, stream)

    @override
    def mask(self, *secrets: Sensitive[str]) -> None:
        self._masker.add(*secrets)


def masked(value: Any, masker: Masker) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON value with each secret in its texts masked."""
    if isinstance(value, str):
        return masker(value)
    if isinstance(value, Mapping):
        return {masker(str(key)): masked(item, masker) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, masker) for item in value]
    return value
