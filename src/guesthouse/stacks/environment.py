"""What a service's programs see: environment and labels."""

from guesthouse.stacks.draft import Draft
from guesthouse.stacks.envfile import read_env_file
from guesthouse.stacks.model import LABEL_PREFIX, SourceInvalid
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.paths import join
from guesthouse.stacks.readings import as_flag

RESERVED_LABELS = (
    LABEL_PREFIX,
    "caddy",
    "com.centurylinklabs.watchtower",
    "com.docker.",
    "io.docker.",
    "ofelia.",
    "socket-proxy.",
    "traefik.",
)
"""Programs on an engine take labels for orders; ours tell what belongs to whom."""


def environment(draft: Draft, name: str) -> dict[str, str]:
    """Return a service's environment: its env files, then what it sets itself."""
    found: dict[str, str | None] = {}
    for index, entry in enumerate(draft.service(name).get("env_file", [])):
        found |= _env_file(draft, entry, f"services.{name}.env_file[{index}]")
    found |= draft.service(name).get("environment", {})
    settled: dict[str, str] = {}
    for variable, value in found.items():
        if value is not None:
            settled[variable] = value
        elif draft.values.has(variable):
            settled[variable] = draft.values.text(variable)
        else:
            place = f"services.{name}.environment.{variable}"
            instead = "left out; declare it in the manifest's variables or secrets to fill it"
            draft.ledger.note("environment-unset", place, variable, instead)
    return {variable: settled[variable] for variable in sorted(settled)}


def _env_file(draft: Draft, entry: Model, place: str) -> dict[str, str | None]:
    content = _read(draft, entry, place, "env-file")
    if content is None:
        return {}
    path, text = content
    try:
        return read_env_file(text, path, draft.values)
    except SourceInvalid as exc:
        draft.ledger.problems.append(exc.problem)
        return {}


def _read(draft: Draft, entry: Model, place: str, code: str) -> tuple[str, bytes] | None:
    """Return path and content of a file of the repository, or None with the reason noted."""
    written = str(entry.get("path"))
    path = join("", written) if written.startswith("./") else None
    if path is None:
        why = "it reads a file from outside the repository"
        draft.ledger.refuse(code, place, written, why, "copy the file into the repository")
        return None
    if draft.tree.has_file(path):
        return path, draft.tree.read(path)
    if draft.ledger.read(as_flag, entry.get("required", True), place, True):  # noqa: FBT003 - a reading's default
        what = f"{path} is not in the repository"
        draft.ledger.problem(place, what, "commit it, or declare its names in the manifest")
    return None


def labels(draft: Draft, name: str) -> dict[str, str]:
    """Return a service's labels: the author's, without reserved ones, and ours."""
    found: dict[str, str | None] = {}
    for index, path in enumerate(draft.service(name).get("label_file", [])):
        found |= _env_file(draft, {"path": path}, f"services.{name}.label_file[{index}]")
    found |= draft.service(name).get("labels", {})
    kept = plain_labels(draft, found, f"services.{name}.labels")
    return kept | our_labels(draft) | {f"{LABEL_PREFIX}service": name}


def plain_labels(draft: Draft, written: dict[str, str | None], place: str) -> dict[str, str]:
    """Return labels without those that programs of the platform or engine take for orders."""
    kept = {}
    for label in sorted(written):
        if label.lower().startswith(RESERVED_LABELS):
            instead = "left out; labels of this prefix are reserved"
            draft.ledger.note("reserved-label", f"{place}.{label}", written[label], instead)
        else:
            kept[label] = written[label] or ""
    return kept


def our_labels(draft: Draft) -> dict[str, str]:
    """Return the labels that say whose a container, network, volume or image is."""
    context = draft.context
    return {
        f"{LABEL_PREFIX}environment": context.environment,
        f"{LABEL_PREFIX}partner": context.partner,
        f"{LABEL_PREFIX}product": context.product,
        f"{LABEL_PREFIX}stack": draft.stack,
    }
