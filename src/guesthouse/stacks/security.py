"""What a service may do: capabilities, namespaces, security options, names and addresses."""

import ipaddress
import re
from collections.abc import Iterator

from guesthouse.stacks.draft import Draft
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.readings import as_text

NO_NEW_PRIVILEGES = "no-new-privileges:true"
SAFE_SECURITY_OPTIONS = frozenset(
    {"no-new-privileges", NO_NEW_PRIVILEGES, "no-new-privileges=true"}
)
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")


def capabilities(draft: Draft, name: str) -> list[str]:
    """Return the capabilities a service keeps.

    1. It starts with those the policy grants, since ordinary images start as root.
    2. What the author drops is taken away; ``ALL`` takes everything away.
    3. What the author adds is added when it can be requested.
    """
    service, policy = draft.service(name), draft.policy
    dropped = {_bare(text) for text in service.get("cap_drop", [])}
    kept = frozenset() if "ALL" in dropped else policy.granted_capabilities - dropped
    return sorted(kept | set(_requested(draft, name, service)))


def _requested(draft: Draft, name: str, service: Model) -> Iterator[str]:
    for index, text in enumerate(service.get("cap_add", [])):
        capability = _bare(text)
        if capability in draft.policy.requestable_capabilities:
            yield capability
            continue
        allowed = ", ".join(sorted(draft.policy.requestable_capabilities))
        draft.ledger.refuse(
            "capability",
            f"services.{name}.cap_add[{index}]",
            text,
            "this capability reaches beyond the container",
            f"leave it out; may be requested: {allowed}",
        )


def _bare(text: str) -> str:
    return text.strip().upper().removeprefix("CAP_")


def check_security_options(draft: Draft, name: str) -> None:
    """Refuse what loosens the container; ours are emitted in any case."""
    for index, text in enumerate(draft.service(name).get("security_opt", [])):
        if text.replace(" ", "") not in SAFE_SECURITY_OPTIONS:
            draft.ledger.refuse(
                "security-opt",
                f"services.{name}.security_opt[{index}]",
                text,
                "it loosens what keeps the container in",
                "leave it out; no-new-privileges is always set",
            )


def namespaces(draft: Draft, name: str) -> Model:
    """Return ``network_mode`` and ``ipc`` where they share nothing."""
    emitted: Model = {}
    for key, harmless in (("network_mode", {"none"}), ("ipc", {"private", "shareable", "none"})):
        written = draft.service(name).get(key)
        if written in (None, ""):
            continue
        place = f"services.{name}.{key}"
        text = draft.ledger.read(as_text, written, place, "none")
        if text in harmless:
            emitted[key] = text
        else:
            _refuse_namespace(draft, place, text)
    return emitted


def _refuse_namespace(draft: Draft, place: str, text: str) -> None:
    draft.ledger.refuse(
        place.rpartition(".")[2].replace("_", "-"),
        place,
        text,
        "it shares a namespace of the instance or of another container",
        "leave it out; services of a stack reach one another by name",
    )


def names_and_addresses(draft: Draft, name: str) -> Model:
    """Return ``hostname``, ``dns*``, ``extra_hosts`` and ``group_add``."""
    service = draft.service(name)
    emitted: Model = {}
    for key in ("hostname", "domainname"):
        if service.get(key) not in (None, ""):
            emitted[key] = _host_name(draft, service[key], f"services.{name}.{key}")
    if service.get("dns"):
        emitted["dns"] = list(_resolvers(draft, name, service["dns"]))
    for key in ("dns_search", "dns_opt", "group_add"):
        if service.get(key):
            emitted[key] = list(_plain_words(draft, name, key, service[key]))
    if service.get("extra_hosts"):
        path = f"services.{name}.extra_hosts"
        emitted["extra_hosts"] = extra_hosts(draft, path, service["extra_hosts"])
    return emitted


def _host_name(draft: Draft, value: object, place: str) -> str:
    text = str(value)
    if HOST_NAME.fullmatch(text) is None:
        draft.ledger.problem(place, "should be a host name", f"written: {text}")
    return text


def _resolvers(draft: Draft, name: str, addresses: list[str]) -> Iterator[str]:
    for index, text in enumerate(addresses):
        address = _address(text)
        if address is None or address.is_loopback or address.is_link_local:
            draft.ledger.refuse(
                "dns",
                f"services.{name}.dns[{index}]",
                text,
                "a resolver has to be an address outside of the instance",
                "leave it out; names are resolved anyway",
            )
        else:
            yield str(address)


def _plain_words(draft: Draft, name: str, key: str, words: list[str]) -> Iterator[str]:
    pattern = GROUP if key == "group_add" else re.compile(r"[A-Za-z0-9._:-]{1,253}")
    for index, word in enumerate(words):
        if pattern.fullmatch(word):
            yield word
        else:
            place = f"services.{name}.{key}[{index}]"
            draft.ledger.problem(place, "should be a plain word", f"written: {word}")


def extra_hosts(draft: Draft, path: str, hosts: Model) -> list[str]:
    """Return ``name=address`` entries; the instance itself cannot be named."""
    entries = []
    for host, text in hosts.items():
        address = _address(text or "")
        if address is None or HOST_NAME.fullmatch(host) is None:
            draft.ledger.refuse(
                "extra-hosts",
                f"{path}.{host}",
                text,
                "it is how a container finds the instance"
                if text == "host-gateway"
                else "an extra host needs a plain name and an address",
                "name the service of the stack instead",
            )
        else:
            entries.append(f"{host}={address}")
    return entries


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
