"""The canonical project of an environment: all stacks of a product, and the edge network."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from guesthouse.errors import Problem
from guesthouse.stacks.assemble import assemble
from guesthouse.stacks.draft import EDGE, Draft, Store, Tagger, tree_tag
from guesthouse.stacks.interpolate import Values
from guesthouse.stacks.judge import judge
from guesthouse.stacks.ledger import Ledger, told
from guesthouse.stacks.model import (
    LABEL_PREFIX,
    CompileContext,
    EdgeTooSmall,
    Manifest,
    Policy,
    StackDeclaration,
)
from guesthouse.stacks.networks import DEFAULT, bridge, network_section, volume_section
from guesthouse.stacks.normalise import SECTIONS, Model
from guesthouse.stacks.paths import join
from guesthouse.stacks.services import Emitted, emit
from guesthouse.stacks.sources import SourceTree
from guesthouse.stacks.wording import closest

MOST_SERVICES = 200
FIRST_ROUTED = 10
"""Last number of the first routed service's address; those below are the platform's."""


@dataclass
class Project:
    """Everything the stacks of a product come to."""

    sections: Model
    services: dict[str, Emitted]
    store: Store
    ledgers: list[Ledger]
    routed: dict[tuple[str, str], str]
    test_services: frozenset[str] = frozenset()

    @property
    def problems(self) -> list[Problem]:
        """What cannot be read or names what is not there."""
        return [told(problem) for ledger in self.ledgers for problem in ledger.problems]


@dataclass
class _Maker:
    """Makes the project of a product."""

    tree: SourceTree
    manifest: Manifest
    context: CompileContext
    policy: Policy
    values: Values
    tagger: Tagger
    store: Store = field(default_factory=Store)
    services: dict[str, Emitted] = field(default_factory=dict)
    networks: Model = field(default_factory=dict)
    volumes: Model = field(default_factory=dict)
    test_services: set[str] = field(default_factory=set)

    def made(self) -> Project:
        """Return the project."""
        routed = addresses(self.manifest, self.context.edge_subnet)
        ledgers = [self._stack(stack, routed) for stack in self.manifest.stacks]
        if routed or self.test_services:
            self.networks[EDGE] = self._edge()
        sections: Model = {
            "name": self.context.project,
            "services": {name: self.services[name].section for name in sorted(self.services)},
        }
        secrets = {
            key: {"file": f"./{path}"} for key, path in sorted(self.store.build_secrets.items())
        }
        for key, section in (
            ("networks", self.networks),
            ("volumes", self.volumes),
            ("secrets", secrets),
        ):
            if section:
                sections[key] = {name: section[name] for name in sorted(section)}
        tests = frozenset(self.test_services)
        return Project(sections, self.services, self.store, ledgers, routed, tests)

    def _stack(self, stack: StackDeclaration, routed: Mapping[tuple[str, str], str]) -> Ledger:
        files = [join(self.manifest.folder, path) or path for path in stack.compose]
        ledger = Ledger(", ".join(files))
        base = join(self.manifest.folder, _folder(stack.compose[0])) or ""
        assembled = assemble(self.tree, files, base, self.values)
        ledger.problems += assembled.problems
        for name, place in sorted(assembled.undeclared.items()):
            instead = f"left empty; declare {name} in the manifest's variables or secrets"
            path = place.partition(": ")[2]
            ledger.note("variable-undeclared", path, f"${{{name}}}", instead)
        for place in assembled.included_env_files:
            path = place.partition(": ")[2]
            ledger.note("include-env-file", path, "env_file", "not read; declare its variables")
        judge(assembled.model, ledger)
        model, tests = self._selected(stack, assembled.model, ledger)
        self._check_named(stack, model, ledger)
        own = {
            service: address for (name, service), address in routed.items() if name == stack.name
        }
        draft = Draft(
            stack=stack.name,
            model=model,
            tree=self.tree,
            policy=self.policy,
            context=self.context,
            values=self.values,
            ledger=ledger,
            store=self.store,
            routed=own,
            routed_ports=frozenset(
                (route.service, str(route.port))
                for route in self.manifest.routes
                if route.stack == stack.name
            ),
            test_services=tests,
            tagger=self.tagger,
        )
        self._emit(draft)
        return ledger

    def _emit(self, draft: Draft) -> None:
        self.test_services |= draft.test_services
        for name in sorted(draft.model["services"]):
            if name in self.services:
                what = "another stack has a service of that name"
                draft.ledger.problem(f"services.{name}", what, "rename one of them")
                continue
            self.services[name] = emit(draft, name)
            self._add_resources(draft, self.services[name].section)
        for name in draft.model.get("volumes", {}):
            self.volumes.setdefault(draft.key(name), volume_section(draft, name))
        for name in draft.model.get("networks", {}):
            section = network_section(draft, name)
            if draft.key(name) in self.networks:
                self.networks[draft.key(name)] = section

    def _add_resources(self, draft: Draft, section: Model) -> None:
        """Note the networks and volumes a service uses, declared or not."""
        prefix = draft.key("")
        for key in section.get("networks", {}):
            if key == draft.key(DEFAULT) and DEFAULT not in draft.model.get("networks", {}):
                self.networks[key] = network_section(draft, DEFAULT)
            elif key != EDGE:
                self.networks.setdefault(key, {})
        for mount in section.get("volumes", []):
            if mount["type"] == "volume":
                name = mount["source"].removeprefix(prefix)
                self.volumes.setdefault(mount["source"], volume_section(draft, name))

    def _selected(
        self, stack: StackDeclaration, model: Model, ledger: Ledger
    ) -> tuple[Model, frozenset[str]]:
        """Return the model with the services that are switched on or tests, and the tests."""
        services: Mapping[str, Model] = model.get("services", {})
        on = {name for name, service in services.items() if _is_on(service, stack.profiles)}
        tests: set[str] = set()
        declared = self.manifest.tests
        if declared is not None and declared.stack == stack.name and declared.service in services:
            tests = {declared.service} | (_needed(declared.service, services) - on)
        kept = {name: services[name] for name in sorted(on | tests)[:MOST_SERVICES]}
        if not kept and not ledger.problems:
            ledger.problem("services", "no service is switched on", "declare at least one")
        if len(on | tests) > MOST_SERVICES:
            ledger.problem("services", f"holds more than {MOST_SERVICES} services")
        for name in sorted(on - tests):
            for other in sorted(set(services[name].get("depends_on", {})) & tests):
                place = f"services.{name}.depends_on.{other}"
                ledger.problem(place, f"{other} runs with the functional tests only")
        sections = {section: model.get(section, {}) for section in SECTIONS}
        return {**sections, "services": kept}, frozenset(tests)

    def _check_named(self, stack: StackDeclaration, model: Model, ledger: Ledger) -> None:
        """Note what the manifest names and the Compose files lack."""
        named = [
            (f"routes/{route.name}", route.stack, route.service) for route in self.manifest.routes
        ]
        named += [
            (f"attach/{point.name}", point.stack, point.service) for point in self.manifest.attach
        ]
        if self.manifest.tests is not None:
            named.append(("tests", self.manifest.tests.stack, self.manifest.tests.service))
        for place, stack_name, service in named:
            if stack_name == stack.name and service not in model["services"]:
                what = f"the manifest's {place} names {service}, which is no service switched on"
                ledger.problem("services", what, closest(service, model["services"]))

    def _edge(self) -> Model:
        subnet = ipaddress.ip_network(self.context.edge_subnet)
        return bridge(f"{self.context.project}_{EDGE}") | {
            "enable_ipv6": False,
            "ipam": {
                "config": [{"subnet": str(subnet), "gateway": str(subnet.network_address + 1)}]
            },
            "labels": {
                f"{LABEL_PREFIX}environment": self.context.environment,
                f"{LABEL_PREFIX}partner": self.context.partner,
                f"{LABEL_PREFIX}product": self.context.product,
            },
        }


def make_project(
    tree: SourceTree,
    manifest: Manifest,
    context: CompileContext,
    *,
    policy: Policy,
    values: Values,
    tagger: Tagger = tree_tag,
) -> Project:
    """Return the canonical project of a product with everything that was noted on the way."""
    return _Maker(tree, manifest, context, policy, values, tagger).made()


def addresses(manifest: Manifest, subnet: str) -> dict[tuple[str, str], str]:
    """Return the fixed address of each routed service, by stack and service, in sorted order."""
    network = ipaddress.ip_network(subnet)
    routed = sorted({(route.stack, route.service) for route in manifest.routes})
    if FIRST_ROUTED + len(routed) >= network.num_addresses:
        raise EdgeTooSmall(subnet, len(routed))
    first = network.network_address + FIRST_ROUTED
    return {key: str(first + index) for index, key in enumerate(routed)}


def _is_on(service: Model, profiles: Iterable[str]) -> bool:
    own = service.get("profiles") or []
    return not own or bool({*profiles} & {*own, "*"})


def _needed(name: str, services: Mapping[str, Model]) -> set[str]:
    """Return all services a service depends on, directly or through others."""
    needed: set[str] = set()
    waiting = [name]
    while waiting:
        for other in services[waiting.pop()].get("depends_on", {}):
            if other in services and other not in needed:
                needed.add(other)
                waiting.append(other)
    return needed - {name}


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
