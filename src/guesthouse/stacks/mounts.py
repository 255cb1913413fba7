"""What a service sees in its file system: volumes, copies of repository files, secrets, configs.

Nothing of the instance itself is ever mounted, but for the few files a policy names. What the
repository brings is copied to a folder named after its content, and mounted read-only from there.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from guesthouse.stacks.draft import Draft, text_tag
from guesthouse.stacks.interpolate import marked_names
from guesthouse.stacks.limits import clean_path, is_mount_target, tmpfs_bytes
from guesthouse.stacks.model import SourceInvalid
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.paths import is_below, join
from guesthouse.stacks.readings import as_flag, as_integer, as_text

SOCKETS = re.compile(r"(docker|containerd|podman|crio)[^/]*\.sock")
KEEP_FILES = frozenset({".gitkeep", ".keep", ".gitignore", "README.md"})
SECRET_FOLDER = "/run/secrets"  # noqa: S105 - a folder
MAX_NAME = 40
CLOCK_FILES = ("/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo")
"""Bound out of habit, and harmless: containers keep UTC here."""


def mounts(draft: Draft, name: str) -> list[Model]:
    """Return a service's mounts in Compose's long form, sorted by target."""
    found: list[Model] = []
    for index, entry in enumerate(draft.service(name).get("volumes", [])):
        place = f"services.{name}.volumes[{index}]"
        found += _mount(draft, name, entry, place)
    for section, folder in (("secrets", SECRET_FOLDER), ("configs", "/")):
        for index, entry in enumerate(draft.service(name).get(section, [])):
            place = f"services.{name}.{section}[{index}]"
            found += _reference(draft, section, folder, entry, place)
    return sorted(found, key=lambda mount: str(mount["target"]))


def _mount(draft: Draft, name: str, entry: Model, place: str) -> Iterator[Model]:
    target = clean_path(str(entry.get("target")))
    if not is_mount_target(target):
        draft.ledger.problem(place, "should have an absolute path of its own as target", target)
        return
    entry = {**entry, "target": target}
    kinds: Mapping[str, Callable[[Draft, str, Model, str], Iterator[Model]]] = {
        "bind": _bind,
        "tmpfs": _tmpfs,
        "volume": _volume,
    }
    kind = str(entry.get("type", "volume"))
    if kind in kinds:
        yield from kinds[kind](draft, name, entry, place)
    else:
        why = f"a mount of type {kind} reaches beyond the stack"
        draft.ledger.refuse("mount-type", place, kind, why, "use a named volume")


def _is_read_only(draft: Draft, entry: Model, place: str) -> bool:
    return draft.ledger.read(as_flag, entry.get("read_only", False), place, True)  # noqa: FBT003 - a reading's default


# volumes


def _volume(draft: Draft, name: str, entry: Model, place: str) -> Iterator[Model]:
    source, target = entry.get("source"), str(entry["target"])
    if source in (None, ""):
        source = _slug("anonymous", name, target)
        draft.ledger.note("anonymous-volume", place, target, f"made the named volume {source}")
    elif str(source) not in draft.model.get("volumes", {}):
        draft.ledger.problem(place, f"there is no volume called {source}", "declare it")
        return
    mount = volume_mount(draft, str(source), target)
    mount |= {"read_only": True} if _is_read_only(draft, entry, place) else {}
    options = _volume_options(draft, entry.get("volume"), place)
    yield mount | ({"volume": options} if options else {})


def _volume_options(draft: Draft, written: object, place: str) -> Model:
    if not isinstance(written, dict):
        return {}
    options: Model = {}
    if draft.ledger.read(as_flag, written.get("nocopy", False), place, False):  # noqa: FBT003 - a reading's default
        options["nocopy"] = True
    subpath = written.get("subpath")
    if subpath and (join("", str(subpath)) is None or marked_names(str(subpath))):
        why = "it leads out of the volume"
        draft.ledger.refuse(
            "subpath", f"{place}.volume.subpath", subpath, why, "name a folder in it"
        )
    elif subpath:
        options["subpath"] = str(subpath)
    return options


def volume_mount(draft: Draft, source: str, target: str) -> Model:
    """Return the mount of a volume of the stack, known by its key there."""
    return {"type": "volume", "source": draft.key(source), "target": target}


def _slug(kind: str, *parts: str) -> str:
    """Return a name for a volume nobody named."""
    words = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    return f"{kind}-{words[:MAX_NAME]}-{text_tag(*parts)[:6]}"


def _tmpfs(draft: Draft, _name: str, entry: Model, place: str) -> Iterator[Model]:
    written = entry.get("tmpfs")
    options: Model = written if isinstance(written, dict) else {}
    size = tmpfs_bytes(draft, f"{place}.tmpfs.size", options.get("size", "64m"))
    emitted: Model = {"size": size}
    if options.get("mode") is not None:
        mode = draft.ledger.read(as_integer, options["mode"], f"{place}.tmpfs.mode", 0o1777)
        emitted["mode"] = mode
    yield {"type": "tmpfs", "target": str(entry["target"]), "tmpfs": emitted}


# binds


def _bind(draft: Draft, name: str, entry: Model, place: str) -> Iterator[Model]:
    source, target = str(entry.get("source")), str(entry["target"])
    path = join("", source) if source.startswith("./") else None
    if path is not None:
        yield from _repository_bind(draft, name, entry, path, place)
    elif _is_host_path(source, draft.policy.host_paths):
        yield _bound(posixpath.normpath(source), target)
    elif _is_host_path(source, CLOCK_FILES):
        instead = "left out; containers keep UTC, set TZ for another zone"
        draft.ledger.note("clock-file", place, source, instead)
    else:
        _refuse_bind(draft, source, place)


def _is_host_path(source: str, allowed: Iterable[str]) -> bool:
    path = posixpath.normpath(source)
    return path.startswith("/") and any(is_below(path, base) for base in allowed)


def _refuse_bind(draft: Draft, source: str, place: str) -> None:
    if SOCKETS.search(source):
        why = "whoever has the engine's socket is root on the instance"
        draft.ledger.refuse("docker-socket", place, source, why, "leave it out")
        return
    why = "it mounts a path of the instance, outside the repository"
    instead = "use a named volume, or put the files into the repository"
    draft.ledger.refuse("bind-mount", place, source, why, instead)


def _repository_bind(
    draft: Draft, name: str, entry: Model, path: str, place: str
) -> Iterator[Model]:
    """A path of the repository: its files become a read-only copy, an empty place a volume."""
    target = str(entry["target"])
    is_read_only = _is_read_only(draft, entry, place)
    if not is_read_only and _is_empty(draft, path):
        source = _slug("data", name, target)
        instead = f"made the named volume {source}: the repository holds nothing there"
        draft.ledger.note("bind-to-volume", place, path, instead)
        yield volume_mount(draft, source, target)
        return
    mounted = repository_mount(draft, path, place)
    if mounted is None:
        return
    state = "" if is_read_only else ", and read-only: use a named volume for what is written"
    draft.ledger.note("bind-to-copy", place, path or ".", f"mounted as a copy{state}")
    yield _bound(f"./{mounted}", target)


def _is_empty(draft: Draft, path: str) -> bool:
    """Whether the repository holds nothing but place holders there."""
    if draft.tree.has_file(path):
        return False
    try:
        return all(file.rpartition("/")[2] in KEEP_FILES for file in draft.tree.files(path))
    except SourceInvalid:  # A link is among them: whoever copies the folder refuses it.
        return False


def repository_mount(draft: Draft, path: str, place: str) -> str | None:
    """Have a file or folder of the repository copied, and return the path of the copy."""
    if not draft.tree.has_file(path) and not draft.tree.has_folder(path):
        what = f"{path} is not in the repository"
        draft.ledger.problem(place, what, "commit it, or declare a secret or variable")
        return None
    name = posixpath.basename(path) or "repository"
    mounted = f"mounts/{draft.tag(path)}/{name}"
    draft.store.mounts[mounted] = path
    draft.store.sources.add(path)
    return mounted


def _bound(source: str, target: str) -> Model:
    return {
        "type": "bind",
        "source": source,
        "target": target,
        "read_only": True,
        # Without it the engine would make an empty folder where a file is missing.
        "bind": {"create_host_path": False},
    }


# secrets and configs


def _reference(
    draft: Draft, section: str, folder: str, entry: Model, place: str
) -> Iterator[Model]:
    source = str(entry.get("source"))
    target = clean_path(posixpath.join(folder, str(entry.get("target") or source)))
    if not is_mount_target(target):
        draft.ledger.problem(f"{place}.target", "should be a path of its own", target)
        return
    path = kept_file(draft, section, source, place)
    if path is not None:
        yield _bound(f"./{path}", target)


def kept_file(draft: Draft, section: str, source: str, place: str) -> str | None:
    """Return the path of the file that holds a secret or config, or None with a note."""
    if source not in draft.model.get(section, {}):
        draft.ledger.problem(place, f"there is nothing called {source} under {section}")
        return None
    written: Model = draft.model[section][source]
    secret = _platform_secret(draft, section, source, written)
    if secret is not None:
        return draft.keep_text(source, draft.values.text(secret))
    return _written_file(draft, section, source, written)


def _written_file(draft: Draft, section: str, source: str, written: Model) -> str | None:
    """Return the path of a file the Compose file itself gives in one of its ways."""
    origin = f"{section}.{source}"
    if written.get("content") is not None:
        text = draft.ledger.read(as_text, written["content"], f"{origin}.content", "")
        return draft.keep_text(source, text)
    if written.get("environment") is not None:
        return _from_value(draft, str(written["environment"]), source, origin)
    if written.get("file") is not None:
        return _from_repository(draft, section, source, str(written["file"]), origin)
    if written.get("external"):
        why = "it names something of the engine that belongs to others"
        declare = f"declare {_declared_name(source)} in the manifest's secrets"
        draft.ledger.refuse("external", f"{origin}.external", written["external"], why, declare)
    else:
        draft.ledger.problem(origin, "needs file, content or environment")
    return None


def _platform_secret(draft: Draft, section: str, source: str, written: Model) -> str | None:
    """Return the platform's secret that stands for one of the Compose file, by its name."""
    if section != "secrets":
        return None
    wanted = {_declared_name(source), _declared_name(str(written.get("name") or source))}
    return next((name for name in sorted(draft.values.secrets) if name.upper() in wanted), None)


def _declared_name(source: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", source.upper())


def _from_value(draft: Draft, variable: str, source: str, origin: str) -> str | None:
    if draft.values.has(variable):
        return draft.keep_text(source, draft.values.text(variable))
    what = f"{variable} is not declared"
    draft.ledger.problem(f"{origin}.environment", what, "declare it in the manifest's secrets")
    return None


def _from_repository(
    draft: Draft, section: str, source: str, written: str, origin: str
) -> str | None:
    path = join("", written) if written.startswith("./") else None
    if path is None or marked_names(written):
        why = "it mounts a file of the instance"
        instead = "put the file into the repository, or declare a secret in the manifest"
        draft.ledger.refuse(f"{section}-file", f"{origin}.file", written, why, instead)
        return None
    mounted = repository_mount(draft, path, f"{origin}.file")
    if mounted is not None and section == "secrets":
        instead = f"mounted as a copy; declare {_declared_name(source)} in the manifest's secrets "
        instead += "to keep its value out of the repository"
        draft.ledger.note("secret-in-repository", f"{origin}.file", path, instead)
    return mounted
