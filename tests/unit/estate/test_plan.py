import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from guesthouse.environments.model import EnvironmentState
from guesthouse.errors import Kind
from guesthouse.estate.load import load
from guesthouse.estate.model import (
    Actual,
    ActualEnvironment,
    ChangeKind,
    EnvironmentUndeclared,
    Estate,
    ObjectKind,
    Pinned,
    Plan,
    RunKind,
    SharedInstance,
    as_json,
)
from guesthouse.estate.plan import difference, sources
from guesthouse.estate.render import render_plan, to_json
from tests.golden.compare import assert_golden
from tests.unit.estate.cast import GIT, MAIN, NEXT, documents

COMMITS = {(GIT, "main"): MAIN, (GIT, "v2"): NEXT}
NOTHING = Actual({}, {}, {}, {})
ENVIRONMENT = "name: {0}\npartner: {1}\nproduct: beacon\ninstance: {2}\nphase: development\n"


def demo(*without: str, **changed: str) -> Estate:
    return load(documents(*without, **changed))


def actual_of(
    estate: Estate, commits: Mapping[tuple[str, str], str] = COMMITS, **states: EnvironmentState
) -> Actual:
    """Return what the database holds once an estate was applied."""
    return Actual(
        products={name: as_json(item) for name, item in estate.products.items()},
        partners={name: as_json(item) for name, item in estate.partners.items()},
        instances={name: as_json(item) for name, item in estate.instances.items()},
        environments={
            name: ActualEnvironment(
                # Through JSON, as the database gives it back.
                json.loads(json.dumps(spec.to_json())),
                states.get(name, EnvironmentState.READY),
                commits[spec.source.git, spec.source.ref],
            )
            for name, spec in estate.environments.items()
        },
    )


def signs(plan: Plan) -> list[str]:
    return [f"{each.kind.value} {each.object.value} {each.name}" for each in plan.changes]


def fields(plan: Plan) -> list[tuple[str, object, object]]:
    return [(f.path, f.before, f.after) for change in plan.changes for f in change.fields]


def test_an_empty_database_gets_everything_in_the_order_it_stands_on() -> None:
    plan = difference(demo(), NOTHING, COMMITS)
    assert signs(plan) == [
        "+ partner acme",
        "+ product beacon",
        "+ instance local",
        "+ environment acme",
    ]
    assert [change.run for change in plan.changes] == [None, None, None, RunKind.DEPLOY]
    assert_golden("estate/add-everything.txt", render_plan(plan))


def test_a_second_plan_is_empty() -> None:
    plan = difference(demo(), actual_of(demo()), COMMITS)
    assert plan.is_empty
    assert plan.unchanged == 1
    assert_golden("estate/nothing.txt", render_plan(plan))


def test_an_empty_estate_removes_everything_backwards() -> None:
    gone = demo(
        "environments/acme.yaml",
        "partners/acme.yaml",
        "products/beacon.yaml",
        "instances/local.yaml",
    )
    plan = difference(gone, actual_of(demo()), COMMITS)
    assert signs(plan) == [
        "- environment acme",
        "- instance local",
        "- product beacon",
        "- partner acme",
    ]
    assert plan.changes[0].run is RunKind.DESTROY
    assert_golden("estate/remove-everything.txt", render_plan(plan))


def test_changes_are_told_field_by_field() -> None:
    acme = ENVIRONMENT.format("acme", "acme", "local")
    wanted = demo(
        partners__acme="{name: acme, title: Acme Limited}",
        environments__acme=f"{acme}ref: v2\nvariables: {{OTHER: '1'}}\n",
        environments__new=ENVIRONMENT.format("new", "acme", "local"),
    )
    before = actual_of(demo(environments__old=ENVIRONMENT.format("old", "acme", "local")))
    plan = difference(wanted, before, COMMITS)
    assert signs(plan) == [
        "~ partner acme",
        "~ environment acme",
        "+ environment new",
        "- environment old",
    ]
    assert fields(Plan("", plan.changes[:2], 0)) == [
        ("title", "Acme Ltd", "Acme Limited"),
        ("source.ref", "main", "v2"),
        ("variables.OTHER", None, "1"),
        ("commit", MAIN, NEXT),
        ("variables.BEACON_TITLE", "Acme's Beacon", None),
    ]
    assert plan.unchanged == 0
    assert_golden("estate/mixed.txt", render_plan(plan))
    assert_golden("estate/mixed.json", json.dumps(to_json(plan), indent=2) + "\n")


def test_a_new_commit_behind_the_same_ref_is_deployed() -> None:
    plan = difference(demo(), actual_of(demo()), {(GIT, "main"): NEXT})
    assert fields(plan) == [("commit", MAIN, NEXT)]
    assert plan.changes[0].run is RunKind.DEPLOY


def test_a_title_needs_no_run() -> None:
    wanted = demo(partners__acme="{name: acme, title: A}")
    plan = difference(wanted, actual_of(demo()), COMMITS)
    assert [change.run for change in plan.changes] == [None]
    assert_golden("estate/title.txt", render_plan(plan))


def test_an_empty_variable_differs_from_none() -> None:
    acme = ENVIRONMENT.format("acme", "acme", "local")
    before = actual_of(demo(environments__acme=acme))
    wanted = demo(environments__acme=f"{acme}variables: {{A: ''}}\n")
    assert fields(difference(wanted, before, COMMITS)) == [("variables.A", None, "")]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(EnvironmentState.READY, [], id="ready"),
        pytest.param(EnvironmentState.PENDING, [], id="on-its-way"),
        pytest.param(EnvironmentState.FAILED, ["~ environment acme"], id="failed-again"),
        pytest.param(EnvironmentState.ENDING, ["+ environment acme"], id="being-destroyed"),
    ],
)
def test_the_state_decides_about_what_is_as_declared(
    state: EnvironmentState, expected: list[str]
) -> None:
    plan = difference(demo(), actual_of(demo(), acme=state), COMMITS)
    assert signs(plan) == expected


def test_what_is_being_destroyed_is_not_removed_again() -> None:
    before = actual_of(demo(), acme=EnvironmentState.ENDING)
    assert difference(demo("environments/acme.yaml"), before, COMMITS).is_empty


def test_a_changed_source_deploys_each_environment_of_the_product() -> None:
    moved = "https://git.test/moved"
    wanted = demo(
        products__beacon=f"{{name: beacon, source: {{git: '{moved}', ref: main, path: product}}}}"
    )
    plan = difference(wanted, actual_of(demo()), {(moved, "main"): MAIN})
    assert signs(plan) == ["~ product beacon", "~ environment acme"]
    assert plan.changes[1].run is RunKind.DEPLOY


@pytest.mark.parametrize(
    ("line", "other"),
    [
        pytest.param("partner: acme", "partner: beta", id="partner"),
        pytest.param("instance: local", "instance: box", id="instance"),
        pytest.param("product: beacon", "product: lamp", id="product"),
    ],
)
def test_an_environment_never_passes_from_one_to_another(line: str, other: str) -> None:
    more = {
        "partners__beta": "{name: beta, title: Beta}",
        "instances__box": "{name: box, provider: container, gateway_port: 8444}",
        "products__lamp": f"{{name: lamp, source: {{git: '{GIT}', ref: main}}}}",
    }
    acme = ENVIRONMENT.format("acme", "acme", "local").replace(line, other)
    with pytest.raises(Pinned) as caught:
        difference(demo(environments__acme=acme, **more), actual_of(demo()), COMMITS)
    assert caught.value.kind is Kind.CONFLICT
    assert "remove environments/acme.yaml, apply" in caught.value.next_step


def test_a_machine_in_use_keeps_its_provider() -> None:
    wanted = demo(instances__local="{name: local, provider: container, gateway_port: 8444}")
    with pytest.raises(Pinned, match="provider can't change from local to container"):
        difference(wanted, actual_of(demo()), COMMITS)


def test_a_machine_nothing_runs_on_may_get_another_provider() -> None:
    without = demo("environments/acme.yaml")
    wanted = demo(
        "environments/acme.yaml",
        instances__local="{name: local, provider: container, gateway_port: 8444}",
    )
    plan = difference(wanted, actual_of(without), COMMITS)
    assert fields(plan) == [("gateway_port", None, 8444), ("provider", "local", "container")]


BOX = "{{name: box, provider: container, gateway_port: {0}}}"


def _on_a_box(port: int, *names: str) -> Estate:
    environments = {
        f"environments__{name}": ENVIRONMENT.format(name, "acme", "box") for name in names
    }
    return demo(instances__box=BOX.format(port), **environments)


def test_a_changed_instance_deploys_what_runs_on_it() -> None:
    plan = difference(_on_a_box(8445, "b"), actual_of(_on_a_box(8444, "b")), COMMITS)
    assert signs(plan) == ["~ instance box", "~ environment b"]
    assert fields(plan)[1] == ("instance.gateway_port", 8444, 8445)


def test_one_environment_never_changes_the_machine_under_another() -> None:
    wanted, before = _on_a_box(8445, "b", "c"), actual_of(_on_a_box(8444, "b", "c"))
    with pytest.raises(SharedInstance, match="touches c as well"):
        difference(wanted, before, COMMITS, environment="b")


def test_one_environment_brings_only_what_it_stands_on() -> None:
    wanted = demo(
        partners__beta="{name: beta, title: Beta}",
        environments__beta=ENVIRONMENT.format("beta", "beta", "local"),
    )
    plan = difference(wanted, NOTHING, COMMITS, environment="beta")
    assert signs(plan) == [
        "+ partner beta",
        "+ product beacon",
        "+ instance local",
        "+ environment beta",
    ]
    assert sources(wanted, environment="beta") == (wanted.products["beacon"].source,)


def test_one_environment_that_is_declared_no_more_is_destroyed_alone() -> None:
    gone = demo("environments/acme.yaml", "partners/acme.yaml")
    plan = difference(gone, actual_of(demo()), COMMITS, environment="acme")
    assert signs(plan) == ["- environment acme"]


def test_an_environment_nobody_knows_is_not_found() -> None:
    with pytest.raises(EnvironmentUndeclared) as caught:
        difference(demo(), NOTHING, COMMITS, environment="nowhere")
    assert caught.value.kind is Kind.NOT_FOUND


def test_each_repository_and_ref_is_asked_for_once() -> None:
    wanted = demo(
        environments__b=ENVIRONMENT.format("b", "acme", "local"),
        environments__c=ENVIRONMENT.format("c", "acme", "local") + "ref: v2\n",
    )
    assert [source.ref for source in sources(wanted)] == ["main", "v2"]


def test_the_fingerprint_tells_plans_apart() -> None:
    first = difference(demo(), NOTHING, COMMITS)
    assert first.fingerprint == difference(demo(), NOTHING, COMMITS).fingerprint
    other = difference(demo(), NOTHING, {(GIT, "main"): NEXT})
    assert first.fingerprint != other.fingerprint


def test_values_can_not_speak_to_the_terminal() -> None:
    wanted = demo(partners__acme='{name: acme, title: "A\\e]0;owned\\a \\u202Eevil"}')
    text = render_plan(difference(wanted, NOTHING, COMMITS))
    assert "title: A\\x1b]0;owned\\x07 \\u202eevil" in text
    assert text.replace("\n", "").isprintable()


def test_long_values_are_shortened() -> None:
    acme = ENVIRONMENT.format("acme", "acme", "local") + f"variables: {{A: {'x' * 300}}}\n"
    text = render_plan(difference(demo(environments__acme=acme), NOTHING, COMMITS))
    assert f"variables.A: {'x' * 100}…\n" in text


def test_removals_follow_additions() -> None:
    wanted = replace(demo(), partners={}, environments={})
    kinds = [
        change.kind
        for change in difference(wanted, replace(actual_of(demo()), products={}), COMMITS).changes
    ]
    assert kinds == [ChangeKind.ADD, ChangeKind.REMOVE, ChangeKind.REMOVE]
    assert ObjectKind.ENVIRONMENT.value == "environment"
