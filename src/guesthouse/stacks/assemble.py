"""From a stack's files to one model: read, filled in, extended, included and merged."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guesthouse.errors import Problem
from guesthouse.stacks.interpolate import Interpolation, Values
from guesthouse.stacks.merge import merge_models, merge_things
from guesthouse.stacks.model import SourceInvalid
from guesthouse.stacks.normalise import SECTIONS, Model, normalise, rooted
from guesthouse.stacks.paths import join
from guesthouse.stacks.readings import Unreadable, as_list, as_mapping, as_text, as_texts
from guesthouse.stacks.sources import SourceTree
from guesthouse.stacks.wording import closest
from guesthouse.stacks.yamlfile import Yaml, read_mapping

MAX_FILES = 64
MAX_BYTES = 2**20
"""Of all files of a stack together."""
MAX_CHAIN = 8
MAX_NODES = 100_000
"""Of the whole model: ``extends`` can repeat a big service many times."""


@dataclass
class Assembled:
    """A stack's files as one model."""

    model: Model
    problems: list[Problem] = field(default_factory=list)
    undeclared: Mapping[str, str] = field(default_factory=dict)
    """Names that were left empty, with the first place of each."""
    included_env_files: Sequence[str] = ()
    """Places of ``include`` that name an env file, which is not used."""


def assemble(tree: SourceTree, files: Sequence[str], base: str, values: Values) -> Assembled:
    """Return one model of several files.

    Args:
        tree: The repository.
        files: Paths from the repository's top, in order.
        base: Folder relative paths start from: that of the first file.
        values: What may be filled in.
    """
    assembly = _Assembly(tree, values)
    model = assembly.merged(files, base, ())
    assembly.check_size(model)
    return Assembled(
        model, assembly.problems, assembly.undeclared, tuple(assembly.included_env_files)
    )


@dataclass
class _Assembly:
    tree: SourceTree
    values: Values
    problems: list[Problem] = field(default_factory=list)
    undeclared: dict[str, str] = field(default_factory=dict)
    included_env_files: list[str] = field(default_factory=list)
    files: int = 0
    size: int = 0
    nodes: int = 0

    def merged(self, files: Sequence[str], base: str, chain: tuple[str, ...]) -> Model:
        """Return files laid over one another, each with what it includes."""
        model: Model = {}
        for path in files:
            own = self._extended(self._file(path, base), path, base)
            model = merge_models(model, self._with_includes(own, path, base, (*chain, path)))
        return model

    def check_size(self, model: Model) -> None:
        """Note it when the whole is too big."""
        if _size(model) > MAX_NODES:
            self._problem("services", f"holds more than {MAX_NODES} values after extends")

    def _file(self, path: str, base: str) -> Model:
        """Return one file in its long form; an unusable one is empty and noted."""
        try:
            content = self.tree.read(path)
            if self._is_too_much(len(content), path):
                return {}
            raw = read_mapping(content, path)
        except SourceInvalid as exc:
            self.problems.append(exc.problem)
            return {}
        done = normalise(self._filled(raw, path), base, path)
        self.problems += done.problems
        return done.model

    def _is_too_much(self, size: int, path: str) -> bool:
        """Whether a further file is more than a stack may have; told once."""
        was_too_much = self.files > MAX_FILES or self.size > MAX_BYTES
        self.files += 1
        self.size += size
        is_too_much = self.files > MAX_FILES or self.size > MAX_BYTES
        if is_too_much and not was_too_much:
            limits = f"{MAX_FILES} files or {MAX_BYTES // 2**20} MiB"
            self._problem(path, f"is one too many: a stack has at most {limits}")
        return is_too_much

    def _filled(self, raw: Mapping[str, Yaml], path: str) -> dict[str, Yaml]:
        filling = Interpolation(self.values)
        filled = {
            key: value if key.startswith("x-") else filling.fill(value, f"{path}: {key}")
            for key, value in raw.items()
        }
        self.problems += filling.problems
        self.undeclared = {**filling.undeclared, **self.undeclared}
        return filled

    def _problem(self, where: str, what: str, instead: str = "") -> None:
        self.problems.append(Problem(where, what, instead))

    # extends

    def _extended(self, model: Model, path: str, base: str) -> Model:
        services = model.get("services", {})
        if not any("extends" in service for service in services.values()):
            return model
        scope = _Scope(model, path, base)
        return {**model, "services": {name: self._service(name, scope, ()) for name in services}}

    def _service(self, name: str, scope: "_Scope", chain: tuple[str, ...]) -> Model:
        """Return a service with all it extends laid below it."""
        service: Model = scope.model["services"][name]
        written = service.get("extends")
        if written is None:
            return self._counted(service, scope.path)
        own = {key: value for key, value in service.items() if key != "extends"}
        link, where = f"{scope.path}#{name}", f"{scope.path}: services.{name}.extends"
        if link in chain or len(chain) >= MAX_CHAIN:
            self._problem(where, "goes round in a circle, or through too many services")
            return own
        base = self._base(written, scope, where, (*chain, link))
        return self._counted(merge_things(base, own), scope.path)

    def _counted(self, service: Model, path: str) -> Model:
        self.nodes += _size(service)
        if self.nodes <= MAX_NODES:
            return service
        if self.nodes - _size(service) <= MAX_NODES:
            self._problem(path, f"holds more than {MAX_NODES} values after extends")
        return {}

    def _base(self, written: Model, scope: "_Scope", where: str, chain: tuple[str, ...]) -> Model:
        try:
            name = as_text(written.get("service"))
            file = written.get("file")
            target = scope if file is None else self._other(as_text(file), scope, where)
        except Unreadable as exc:
            self._problem(where, str(exc))
            return {}
        if target is None:
            return {}
        if name not in target.model.get("services", {}):
            hint = closest(name, target.model.get("services", {}))
            self._problem(where, f"{target.path} has no service called {name}", hint)
            return {}
        return self._service(name, target, chain)

    def _other(self, file: str, scope: "_Scope", where: str) -> "_Scope | None":
        path = self._inside(rooted(scope.base, file), where)
        if path is None:
            return None
        base = posixpath.dirname(path)
        return _Scope(self._file(path, base), path, base)

    # include

    def _with_includes(self, model: Model, path: str, base: str, chain: tuple[str, ...]) -> Model:
        where = f"{path}: include"
        try:
            entries = as_list(model.pop("include", None))
        except Unreadable as exc:
            self._problem(where, str(exc))
            return model
        for index, entry in enumerate(entries):
            part = self._included(entry, base, f"{where}[{index}]", chain)
            self._import(model, part, f"{where}[{index}]")
        return model

    def _included(self, entry: Yaml, base: str, where: str, chain: tuple[str, ...]) -> Model:
        try:
            written = as_mapping(entry) if isinstance(entry, dict) else {"path": entry}
            self._check_include_keys(written, where)
            paths = [rooted(base, path) for path in as_texts(written.get("path"))]
            folder = written.get("project_directory")
            project = None if folder is None else rooted(base, as_text(folder))
        except Unreadable as exc:
            self._problem(where, str(exc))
            return {}
        files = [path for path in (self._inside(path, where) for path in paths) if path]
        if project is None:
            project_folder = posixpath.dirname(files[0]) if files else None
        else:
            project_folder = self._inside(project, where)
        if project_folder is None or self._is_circle(files, chain, where):
            return {}
        return self.merged(files, project_folder, chain)

    def _check_include_keys(self, written: Mapping[str, Yaml], where: str) -> None:
        known = {"path", "project_directory", "env_file"}
        for key in written.keys() - known:
            self._problem(f"{where}.{key}", "is not a known key", closest(key, known))
        if written.get("env_file"):
            self.included_env_files.append(where)

    def _is_circle(self, files: Sequence[str], chain: tuple[str, ...], where: str) -> bool:
        if len(chain) <= MAX_CHAIN and not set(files) & set(chain):
            return False
        self._problem(where, "goes round in a circle, or through too many files")
        return True

    def _import(self, model: Model, part: Model, where: str) -> None:
        """Add what an included file declares; a clash is a mistake, as it is to Compose."""
        for section in SECTIONS:
            for name, thing in part.get(section, {}).items():
                own = model.setdefault(section, {})
                if own.setdefault(name, thing) != thing:
                    self._problem(where, f"brings {section}.{name}, which is there already")

    def _inside(self, path: str, where: str) -> str | None:
        """Return a path of the repository, or None and a note."""
        inside = join("", path) if path.startswith("./") else None
        if inside is None:
            sentence = f"{path} is outside the repository"
            self._problem(where, sentence, "copy the file into the repository")
        return inside


@dataclass(frozen=True)
class _Scope:
    """A file whose services may extend one another."""

    model: Model
    path: str
    base: str


def _size(value: Any) -> int:  # noqa: ANN401 - whatever YAML holds
    return sum(1 for _ in _walk(value))


def _walk(value: Any) -> Iterator[object]:  # noqa: ANN401 - whatever YAML holds
    yield value
    children = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for child in children:
            yield from _walk(child)
