"""Which image a service runs, and how it is made from the repository."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from guesthouse.stacks.dockerfile import health_options, read_paths
from guesthouse.stacks.draft import Draft, text_tag
from guesthouse.stacks.environment import our_labels
from guesthouse.stacks.instructions import HUB, OURS, breaches
from guesthouse.stacks.limits import shm_bytes
from guesthouse.stacks.model import Build
from guesthouse.stacks.mounts import kept_file
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.paths import is_below, join
from guesthouse.stacks.security import extra_hosts

DOCKERFILE = "Dockerfile"
BUILDER = "BUILDKIT_"
HARMLESS_SETTINGS = frozenset({"BUILDKIT_INLINE_CACHE"})
CACHES = "BUILDKIT_CACHE_MOUNT_NS"
"""Keeps the caches of an environment's builds apart from those of others."""
IMAGE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
IDENTITY = re.compile(r"[0-9a-f]+|sha256:[0-9a-f]+")
"""The engine takes such names, alone or as this tag, for the beginning of any image's id."""
MOST_DOCKERFILE_BYTES = 256 * 2**10


@dataclass(frozen=True)
class Image:
    """The image of a service."""

    name: str
    section: Model | None = None
    """Its ``build`` section in the canonical file; None where it is pulled."""
    build: Build | None = None
    health: Mapping[str, str] | None = None
    """Options of the health check its Dockerfile brings; None where none is known."""


def image(draft: Draft, name: str) -> Image:
    """Return a service's image."""
    service, path = draft.service(name), f"services.{name}"
    if service.get("build") is not None:
        return _built(draft, name, service["build"], f"{path}.build")
    written = service.get("image")
    if written in (None, ""):
        draft.ledger.problem(path, "needs an image or a build")
        return Image("")
    maker = _maker(draft, str(written))
    if maker is not None:
        return Image(_built(draft, maker, draft.service(maker)["build"], path).name)
    if IMAGE.fullmatch(str(written)) is None:
        draft.ledger.problem(f"{path}.image", "is no image name", f"written: {written}")
    elif HUB.sub("", str(written)).startswith(OURS):
        why = "images of this prefix belong to environments"
        draft.ledger.refuse("image", f"{path}.image", written, why, "use another name")
    elif IDENTITY.fullmatch(str(written)):
        why = "the engine could take it for the id of an image of others"
        instead = "name the image by its repository, with a tag or digest behind it"
        draft.ledger.refuse("image", f"{path}.image", written, why, instead)
    return Image(str(written))


def _maker(draft: Draft, written: str) -> str | None:
    """Return the service that builds an image other services only name."""
    return next(
        (
            other
            for other, service in sorted(draft.model["services"].items())
            if service.get("build") is not None and service.get("image") == written
        ),
        None,
    )


def _built(draft: Draft, name: str, written: Model, place: str) -> Image:
    context = _folder(draft, str(written.get("context")), f"{place}.context")
    if context is None:
        return Image("")
    section: Model = {"context": _source_path(context)}
    section |= _dockerfile(draft, written, context, place)
    if written.get("target"):
        section["target"] = str(written["target"])
    section["args"] = _arguments(draft, written, place)
    section |= _contexts(draft, written, place) | _options(draft, written, place)
    text = _instructions(draft, context, section, place)
    _judge(draft, text, section["args"], place)
    tag = _tag(draft, context, section, text)
    ours = f"{OURS}{draft.context.environment}/{_repository(name)}:{tag}"
    section["labels"] = our_labels(draft)
    dockerfile = str(section.get("dockerfile", ""))
    build = Build(name, ours, context, dockerfile, str(section.get("target", "")))
    return Image(ours, section, build, health_options(text, build.target))


def _repository(service: str) -> str:
    """Return a service's name as the engine takes it for an image."""
    return re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-") or "service"


def _source_path(path: str) -> str:
    return f"./sources/{path}" if path else "./sources"


def _folder(draft: Draft, written: str, place: str) -> str | None:
    path = join("", written) if written.startswith("./") else None
    if path is None:
        why = "a build may only read the repository"
        draft.ledger.refuse(
            "build-context", place, written, why, "name a folder of the repository"
        )
        return None
    if not draft.tree.has_folder(path):
        draft.ledger.problem(place, f"{path} is no folder of the repository")
        return None
    draft.store.sources.add(path)
    return path


def _dockerfile(draft: Draft, written: Model, context: str, place: str) -> Model:
    """Return where the build's instructions are; the path is relative to the context."""
    # An empty text is none to Compose: it would build from the file Dockerfile, unjudged.
    if written.get("dockerfile_inline") not in (None, ""):
        return {"dockerfile_inline": str(written["dockerfile_inline"])}
    name = str(written.get("dockerfile") or DOCKERFILE)
    path = join(context, name)
    if path is None:
        why = "a build may only read the repository"
        draft.ledger.refuse("dockerfile", f"{place}.dockerfile", name, why, "move it there")
        return {}
    if not draft.tree.has_file(path):
        draft.ledger.problem(f"{place}.dockerfile", f"{path} is not in the repository")
        return {}
    if not is_below(path, context):
        draft.store.sources.add(path)
    return {"dockerfile": posixpath.relpath(path, context or ".")}


def _arguments(draft: Draft, written: Model, place: str) -> dict[str, str]:
    arguments: dict[str, str | None] = written.get("args") or {}
    for name in sorted(arguments):
        if name.startswith(BUILDER) and name not in HARMLESS_SETTINGS:
            why = "it sets the engine's builder, which others use, too"
            draft.ledger.refuse("build-args", f"{place}.args.{name}", name, why, "leave it out")
    filled = {
        name: draft.values.text(name) if value is None else value
        for name, value in arguments.items()
        if value is not None or draft.values.has(name)
    }
    # Caches of RUN --mount=type=cache are the engine's: without this, whoever names one writes it.
    filled[CACHES] = draft.context.environment
    return {name: filled[name] for name in sorted(filled)}


def _judge(draft: Draft, text: str, arguments: Mapping[str, str], place: str) -> None:
    may_download = draft.policy.may_download_in_builds
    for breach in breaches(text, arguments, may_download=may_download):
        where = f"{place}.dockerfile:{breach.line}"
        draft.ledger.refuse(breach.code, where, breach.written, breach.why, breach.instead)


def _contexts(draft: Draft, written: Model, place: str) -> Model:
    emitted = {}
    for name, path in sorted((written.get("additional_contexts") or {}).items()):
        own = path.removeprefix("service:")
        if path.startswith("service:") and own in draft.model["services"]:
            emitted[name] = path
            continue
        folder = _folder(draft, path, f"{place}.additional_contexts.{name}")
        if folder is not None:
            emitted[name] = _source_path(folder)
    return {"additional_contexts": emitted} if emitted else {}


def _options(draft: Draft, written: Model, place: str) -> Model:
    emitted: Model = {}
    network = written.get("network")
    if network == "none":
        emitted["network"] = "none"
    elif network not in (None, "", "default"):
        why = "the build would reach what listens on the instance"
        draft.ledger.refuse("build-network", f"{place}.network", network, why, "leave it out")
    if written.get("extra_hosts"):
        place_of_hosts = f"{place}.extra_hosts"
        emitted["extra_hosts"] = extra_hosts(draft, place_of_hosts, written["extra_hosts"])
    secrets = _secrets(draft, written, place)
    emitted |= {"secrets": secrets} if secrets else {}
    if written.get("shm_size") is not None:
        emitted["shm_size"] = shm_bytes(draft, f"{place}.shm_size", written["shm_size"])
    return emitted


def _secrets(draft: Draft, written: Model, place: str) -> list[Model]:
    """Return the build's secrets; the file behind each is declared at the top by its path."""
    emitted = []
    for index, entry in enumerate(written.get("secrets") or []):
        source = str(entry.get("source"))
        path = kept_file(draft, "secrets", source, f"{place}.secrets[{index}]")
        if path is not None:
            key = draft.key(source)
            draft.store.build_secrets[key] = path
            emitted.append({"source": key, "target": str(entry.get("target") or source)})
    return emitted


def _instructions(draft: Draft, context: str, section: Model, place: str) -> str:
    """Return the text of the Dockerfile."""
    name = section.get("dockerfile")
    path = None if name is None else join(context, str(name))
    if path is None:
        return str(section.get("dockerfile_inline", ""))
    content = draft.tree.read(path)
    if len(content) > MOST_DOCKERFILE_BYTES:
        what = f"{path} is larger than {MOST_DOCKERFILE_BYTES // 2**10} KiB"
        draft.ledger.problem(f"{place}.dockerfile", what, "copy what is long from a file")
        return ""
    return content.decode("utf-8", errors="replace")


def _tag(draft: Draft, context: str, section: Model, text: str) -> str:
    """Return a tag of everything the image is made from; secrets count by name only."""
    parts = [repr(sorted(section.items())), text, *_context_tags(draft, context, section, text)]
    for path in section.get("additional_contexts", {}).values():
        folder = path.removeprefix("./sources").removeprefix("/")
        parts.append("" if path.startswith("service:") else draft.tag(folder))
    return text_tag(*parts)


def _context_tags(draft: Draft, context: str, section: Model, text: str) -> Iterator[str]:
    """Yield tags of what the Dockerfile reads of its context."""
    ignored = (".dockerignore", f"{section.get('dockerfile')}.dockerignore")
    reads = read_paths(text, str(section.get("target", "")))
    for relative in (*ignored, *([""] if reads is None else reads)):
        found = join(context, relative) or ""
        is_there = draft.tree.has_file(found) or draft.tree.has_folder(found)
        yield f"{relative}\0{draft.tag(found) if is_there else ''}"
