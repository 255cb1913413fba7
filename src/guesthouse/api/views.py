"""How values look on the wire."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

from guesthouse.audit import BadEntry, Entry, Mark
from guesthouse.environments.model import Environment
from guesthouse.environments.secrets import SecretStatus
from guesthouse.estate.model import Plan
from guesthouse.estate.render import render_plan, to_json
from guesthouse.instances.model import Instance
from guesthouse.kit.pagination import Page
from guesthouse.runs import LogLine, Run, RunState, Step, StepState

Item = TypeVar("Item")
View = TypeVar("View")


class PageView(BaseModel, Generic[View]):
    """One page of a list."""

    items: list[View]
    next_cursor: str | None = Field(
        description="Give it back as `cursor` for the page that follows; null on the last one."
    )


def page_of(page: Page[Item], view: Callable[[Item], View]) -> PageView[View]:
    """Return a page with each item as it looks on the wire."""
    return PageView(items=[view(item) for item in page.items], next_cursor=page.next_cursor)


class StepView(BaseModel):
    """One step of a run."""

    name: str
    state: StepState
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    seconds: float | None
    timings: dict[str, float] = Field(description="Where the step's time went, in seconds.")


class RunView(BaseModel):
    """One execution."""

    id: str
    kind: str
    environment: str | None
    partner: str | None
    actor: str
    state: RunState
    attempt: int
    cancel_requested: bool
    log_lines: int
    sentence: str = Field(description="Why it ended as it did.")
    next_step: str
    detail: str
    error_kind: str | None = Field(
        description="Of what made it fail: `invalid`, `denied`, `not_found`, `conflict`, "
        "`unavailable` or `failed`; null where nothing did."
    )
    created_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    seconds: float | None = Field(description="From its start to its end; null before that.")
    steps: list[StepView] = Field(description="Empty in lists.")


class LineView(BaseModel):
    """One line of a run's log."""

    sequence: int
    at: dt.datetime
    stream: str
    step: str
    text: str


class AddressView(BaseModel):
    """Where a route answers."""

    route: str
    url: str
    access: str


class EnvironmentView(BaseModel):
    """One running copy of a product for one partner."""

    name: str
    partner: str
    product: str
    instance: str | None
    phase: str
    state: str
    ref: str | None
    commit: str | None
    addresses: list[AddressView]
    current_run: str | None
    updated_at: dt.datetime


class SecretView(BaseModel):
    """A secret of an environment; its value is never shown."""

    name: str
    is_set: bool = Field(description="False where a deployment asked for it in vain.")


class InstanceView(BaseModel):
    """A machine that environments run on."""

    name: str
    provider: str
    state: str
    address: str | None
    fingerprint: str | None
    facts: dict[str, Any]
    gateway_port: int
    updated_at: dt.datetime


class SourceView(BaseModel):
    """Where a product comes from."""

    git: str
    ref: str
    path: str = ""


class ProductView(BaseModel):
    """What the company sells."""

    name: str
    source: SourceView


class FieldChangeView(BaseModel):
    """One field that differs; null stands for absent."""

    path: str
    before: Any
    after: Any


class ChangeView(BaseModel):
    """One object that differs."""

    kind: str = Field(description="`+`, `~` or `-`.")
    object: str
    name: str
    fields: list[FieldChangeView]
    run: str | None = Field(description="The run it needs; null where none is.")


class PlanView(BaseModel):
    """What an apply would do, in the order in which it does."""

    estate: str
    fingerprint: str = Field(description="Give it to apply as `expected`.")
    unchanged: int
    changes: list[ChangeView]
    text: str = Field(description="The plan as lines for a person.")


class AppliedView(BaseModel):
    """What an apply did."""

    plan: PlanView
    runs: list[RunView]


class EntryView(BaseModel):
    """One row of the audit log."""

    sequence: int
    at: str
    actor: str
    actor_kind: str
    action: str
    object: str
    partner: str | None = Field(description="Whose thing it was; null for nobody's.")
    detail: dict[str, Any]


class ChainView(BaseModel):
    """Whether the audit log is as it was written."""

    intact: bool
    first_bad: int | None
    reason: str
    newest: str | None = Field(description="The last row, to note elsewhere: `<row>:<hash>`.")


class HealthView(BaseModel):
    """Whether the control plane works."""

    status: str
    database: str


def run_view(run: Run) -> RunView:
    """Return a run as it looks on the wire."""
    return RunView(
        id=run.id,
        kind=run.kind,
        environment=run.environment,
        partner=run.partner,
        actor=run.actor,
        state=run.state,
        attempt=run.attempt,
        cancel_requested=run.cancel_requested,
        log_lines=run.log_lines,
        sentence=run.sentence,
        next_step=run.next_step,
        detail=run.detail,
        error_kind=None if run.error_kind is None else run.error_kind.word,
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        seconds=_seconds(run.started_at, run.ended_at),
        steps=[step_view(step) for step in run.steps],
    )


def step_view(step: Step) -> StepView:
    """Return a step as it looks on the wire."""
    return StepView(
        name=step.name,
        state=step.state,
        started_at=step.started_at,
        ended_at=step.ended_at,
        seconds=_seconds(step.started_at, step.ended_at),
        timings=_timings(step.result or {}),
    )


def secret_view(secret: SecretStatus) -> SecretView:
    """Return a secret as it looks on the wire."""
    return SecretView(name=secret.name, is_set=secret.is_set)


def line_view(line: LogLine) -> LineView:
    """Return a log line as it looks on the wire."""
    return LineView(
        sequence=line.sequence,
        at=line.at,
        stream=line.stream.value,
        step=line.step,
        text=line.text,
    )


def environment_view(environment: Environment) -> EnvironmentView:
    """Return an environment as it looks on the wire."""
    return EnvironmentView(
        name=environment.name,
        partner=environment.partner,
        product=environment.product,
        instance=environment.instance,
        phase=environment.phase,
        state=environment.state.value,
        ref=environment.ref,
        commit=environment.commit,
        addresses=[
            AddressView(route=address.route, url=address.url, access=address.access)
            for address in environment.addresses
        ],
        current_run=environment.current_run,
        updated_at=environment.updated_at,
    )


def instance_view(instance: Instance) -> InstanceView:
    """Return an instance as it looks on the wire."""
    return InstanceView(
        name=instance.name,
        provider=instance.provider.value,
        state=instance.state.value,
        address=instance.address,
        fingerprint=instance.fingerprint,
        facts=dict(instance.facts),
        gateway_port=instance.gateway_port,
        updated_at=instance.updated_at,
    )


def plan_view(plan: Plan) -> PlanView:
    """Return a plan as it looks on the wire."""
    return PlanView.model_validate({**to_json(plan), "text": render_plan(plan)})


def entry_view(entry: Entry) -> EntryView:
    """Return an audit row as it looks on the wire."""
    return EntryView(
        sequence=entry.sequence,
        at=entry.at,
        actor=entry.actor,
        actor_kind=entry.actor_kind,
        action=entry.action,
        object=entry.object,
        partner=entry.partner,
        detail=dict(entry.detail),
    )


def chain_view(bad: BadEntry | None, newest: Mark | None) -> ChainView:
    """Return what checking the audit log found."""
    return ChainView(
        intact=bad is None,
        first_bad=None if bad is None else bad.sequence,
        reason="" if bad is None else bad.reason,
        newest=None if newest is None else str(newest),
    )


def _seconds(start: dt.datetime | None, end: dt.datetime | None) -> float | None:
    return None if start is None or end is None else round((end - start).total_seconds(), 3)


def _timings(result: Mapping[str, Any]) -> dict[str, float]:
    found = result.get("timings")
    if not isinstance(found, Mapping):
        return {}
    return {str(name): float(value) for name, value in found.items() if _is_number(value)}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
