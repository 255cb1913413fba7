"""Whom a service talks to: its stack's own networks, and the edge where the gateway asks."""

from guesthouse.stacks.draft import EDGE, Draft, text_tag
from guesthouse.stacks.environment import our_labels, plain_labels
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.readings import Unreadable, as_flag, as_text, as_texts
from guesthouse.stacks.security import HOST_NAME
from guesthouse.stacks.wording import closest

DEFAULT = "default"
MOST_PORT = 65_535
INTERFACE_OPTION = "com.docker.network.bridge.name"
INTERFACE_PREFIX = "gh-"
"""With a tag of 12 digits behind it 15 characters: as many as the kernel takes."""
BRIDGES = frozenset({"", "bridge", "default"})


def networks(draft: Draft, name: str) -> Model:
    """Return a service's networks; one that shares another's has none of its own."""
    service, path = draft.service(name), f"services.{name}"
    is_attached = name in draft.routed or name in draft.test_services
    if service.get("network_mode") not in (None, ""):
        if is_attached:
            what = "is routed, so it cannot have a network_mode of its own"
            draft.ledger.problem(f"{path}.network_mode", what, "leave it out")
        return {}
    emitted: Model = {}
    for network, written in sorted((service.get("networks") or {DEFAULT: {}}).items()):
        place = f"{path}.networks.{network}"
        declared = draft.model.get("networks", {})
        if network != DEFAULT and network not in declared:
            draft.ledger.problem(place, "there is no such network", closest(network, declared))
            continue
        emitted[draft.key(network)] = _attachment(draft, written, place)
    if is_attached:
        address = draft.routed.get(name)
        emitted[EDGE] = {"ipv4_address": address} if address else {}
    return {"networks": emitted} if emitted else {}


def _attachment(draft: Draft, written: Model, place: str) -> Model:
    aliases = []
    none: list[str] = []
    for alias in draft.ledger.read(as_texts, written.get("aliases"), f"{place}.aliases", none):
        if HOST_NAME.fullmatch(alias):
            aliases.append(alias)
        else:
            draft.ledger.problem(f"{place}.aliases", "should be host names", f"written: {alias}")
    return {"aliases": aliases} if aliases else {}


def ports(draft: Draft, name: str) -> Model:
    """Return ``expose``; published ports are only told how they are reached here."""
    service, path = draft.service(name), f"services.{name}"
    exposed: dict[str, None] = {}
    for index, port in enumerate(service.get("ports", [])):
        target, protocol = str(port.get("target")), str(port.get("protocol", "tcp"))
        place = f"{path}.ports[{index}]"
        written = f"{port.get('published', '')}:{target}/{protocol}"
        if not _is_port(target) or protocol not in {"tcp", "udp", "sctp"}:
            draft.ledger.problem(place, "should be a port or a range", f"written: {written}")
            continue
        exposed[target if protocol == "tcp" else f"{target}/{protocol}"] = None
        draft.ledger.note("ports-unpublished", place, written, _reached(draft, name, target))
    for index, text in enumerate(service.get("expose", [])):
        number, _, protocol = text.partition("/")
        if _is_port(number) and protocol in {"", "tcp", "udp", "sctp"}:
            exposed[text.removesuffix("/tcp")] = None
        else:
            draft.ledger.problem(f"{path}.expose[{index}]", "should be a port or a range", text)
    return {"expose": list(exposed)} if exposed else {}


def _is_port(text: str) -> bool:
    first, _, last = text.partition("-")
    numbers = [first, last] if "-" in text else [first]
    return all(number.isdecimal() and 0 < int(number) <= MOST_PORT for number in numbers)


def _reached(draft: Draft, name: str, target: str) -> str:
    if (name, target) in draft.routed_ports:
        return "not published; the gateway reaches it through its route"
    route = f"routes: {{{name}: {{stack: {draft.stack}, service: {name}, port: {target}}}}}"
    return f"not published; the stack reaches it at {name}:{target}, for HTTP declare {route}"


def links(draft: Draft, name: str) -> Model:
    """Return links to services of the stack."""
    emitted = []
    for index, text in enumerate(draft.service(name).get("links", [])):
        place = f"services.{name}.links[{index}]"
        service, _, alias = text.partition(":")
        if service not in draft.model["services"]:
            draft.ledger.problem(place, f"there is no service called {service}")
        elif alias and HOST_NAME.fullmatch(alias) is None:
            draft.ledger.problem(place, "should end in a host name", f"written: {text}")
        else:
            emitted.append(text)
    return {"links": emitted} if emitted else {}


def network_section(draft: Draft, name: str) -> Model:
    """Return a network of the stack for the canonical file."""
    written: Model = draft.model.get("networks", {}).get(name, {})
    place = f"networks.{name}"
    _check_driver(draft, written, place, BRIDGES, "an own bridge is what every network gets")
    is_internal = draft.ledger.read(as_flag, written.get("internal") or False, place, True)  # noqa: FBT003 - a reading's default
    section = bridge(draft.engine_name(name)) | ({"internal": True} if is_internal else {})
    own = plain_labels(draft, written.get("labels", {}), f"{place}.labels")
    return section | {"enable_ipv6": False, "labels": own | our_labels(draft)}


def bridge(name: str) -> Model:
    """Return a bridge of ours by its name on the engine, on an interface with a name of ours.

    An engine that was there before us gives addresses the packet filter does not know; the filter
    knows what comes from containers of ours by the interface.
    """
    interface = f"{INTERFACE_PREFIX}{text_tag(name)}"
    return {"name": name, "driver": "bridge", "driver_opts": {INTERFACE_OPTION: interface}}


def volume_section(draft: Draft, name: str) -> Model:
    """Return a named volume of the stack for the canonical file."""
    written: Model = draft.model.get("volumes", {}).get(name, {})
    place = f"volumes.{name}"
    _check_driver(draft, written, place, {"", "local"}, "only the engine's own volumes are kept")
    own = plain_labels(draft, written.get("labels", {}), f"{place}.labels")
    return {"name": draft.engine_name(name), "labels": own | our_labels(draft)}


def _check_driver(
    draft: Draft, written: Model, place: str, allowed: set[str] | frozenset[str], why: str
) -> None:
    try:
        driver = as_text(written.get("driver") or "")
    except Unreadable:
        driver = "?"
    if driver not in allowed:
        draft.ledger.refuse("driver", f"{place}.driver", driver, why, "leave driver out")
