"""The flows that features registered."""

from collections.abc import Iterable

from guesthouse.db import Transaction
from guesthouse.runs.model import Flow, FlowUnknown, Run, RunState


class FlowRegistry:
    """Flows by kind; filled once at start, by bootstrap."""

    def __init__(self, flows: Iterable[Flow] = ()) -> None:
        self._flows: dict[str, Flow] = {}
        for flow in flows:
            self.register(flow)

    def register(self, flow: Flow) -> None:
        """Add a flow.

        Raises:
            ValueError: The kind is taken, or two of its steps share a name.
        """
        names = [step.name for step in flow.steps]
        if flow.kind in self._flows or len(set(names)) != len(names):
            message = f"flow {flow.kind} is registered twice or repeats a step's name"
            raise ValueError(message)
        self._flows[flow.kind] = flow

    def get(self, kind: str) -> Flow:
        """Return the flow of a kind.

        Raises:
            FlowUnknown: Nobody registered it.
        """
        try:
            return self._flows[kind]
        except KeyError as exc:
            raise FlowUnknown(kind) from exc

    def tell_ended(self, transaction: Transaction, run: Run, state: RunState) -> None:
        """Tell the feature that a run of its kind ends, in the transaction that ends it."""
        flow = self._flows.get(run.kind)
        if flow is not None and flow.ended is not None:
            flow.ended(transaction, run, state)
