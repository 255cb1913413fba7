"""Reads the files of an estate into values, and says all that is wrong with them at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from guesthouse.errors import Problem
from guesthouse.estate.complaints import problems_of
from guesthouse.estate.documents import ROOT_SHAPES, SHAPES, EstateDocument, MemberDocument
from guesthouse.estate.model import Estate, EstateInvalid
from guesthouse.estate.values import estate_of
from guesthouse.estate.yamlfile import YamlProblem, read_yaml
from guesthouse.people.rules import RESERVED

ESTATE = "estate"
ESTATE_FILE = "estate.yaml"
FOLDERS = tuple(kind for kind in SHAPES if kind != ESTATE)
SUFFIXES = frozenset({".yaml", ".yml"})
LIMIT_FILES = 5000


@dataclass
class Reading:
    """What has been read so far, by file name, and what is wrong with the rest."""

    head: EstateDocument | None = None
    folders: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {folder: {} for folder in FOLDERS}
    )
    """What each folder's readable files hold."""
    declared: dict[str, set[str]] = field(
        default_factory=lambda: {folder: set() for folder in FOLDERS}
    )
    """Every file's name, readable or not, so that a broken file causes no second complaint."""
    problems: list[Problem] = field(default_factory=list)


def read_directory(directory: Path) -> dict[str, str]:
    """Return the texts of an estate repository by relative path.

    Raises:
        EstateInvalid: The directory or a file in it cannot be read.
    """
    documents, problems = {}, []
    for path in _files(directory):
        name = path.relative_to(directory).as_posix()
        try:
            documents[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            problems.append(Problem(name, "should be UTF-8 text"))
        except OSError as exc:
            problems.append(Problem(name, f"cannot be read: {exc.strerror}"))
    if not documents and not problems:
        problems.append(Problem(str(directory), f"has no {ESTATE_FILE}", "guesthouse init"))
    if problems:
        raise EstateInvalid(problems)
    return documents


def load(documents: Mapping[str, str]) -> Estate:
    """Return the estate that the files declare.

    Args:
        documents: Texts by path relative to the estate's directory, with forward slashes.

    Raises:
        EstateInvalid: Something is wrong with them; carries every problem.
    """
    reading = Reading()
    if len(documents) > LIMIT_FILES:
        raise EstateInvalid([Problem("estate", f"has more than {LIMIT_FILES} files")])
    for name in sorted(documents):
        _read(reading, PurePosixPath(name), documents[name])
    if ESTATE_FILE not in documents:
        reading.problems.insert(0, Problem(ESTATE_FILE, "is missing"))
    reading.problems += _across(reading)
    if reading.problems or reading.head is None:
        raise EstateInvalid(reading.problems)
    return estate_of(reading.head, reading.folders)


def _files(directory: Path) -> Iterator[Path]:
    """Yield the YAML files at the top and one folder down, hidden folders left out."""
    for pattern in ("*", "*/*"):
        for path in sorted(directory.glob(pattern)):
            hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
            if path.suffix in SUFFIXES and not hidden and not path.is_dir():
                yield path


def _read(reading: Reading, path: PurePosixPath, text: str) -> None:
    """Take one file in, or note why not."""
    folder = path.parts[0] if len(path.parts) > 1 else ""
    if str(path) == ESTATE_FILE:
        reading.head = _checked(reading, path, text, ESTATE)
        return
    if path.suffix not in SUFFIXES:
        return
    if folder not in FOLDERS or len(path.parts) > len(("folder", "file")):
        reading.problems += _misplaced(path)
        return
    reading.declared[folder].add(path.stem)
    if path.suffix != ".yaml":
        better = f"{folder}/{path.stem}.yaml"
        reading.problems.append(Problem(str(path), "should end in .yaml", f"call it {better}"))
    document = _checked(reading, path, text, folder)
    if document is None:
        return
    reading.folders[folder][path.stem] = document
    if document.name != path.stem:
        hint = f"call the file {folder}/{document.name}.yaml or write: {path.stem}"
        reading.problems.append(
            Problem(f"{path}: name", f"is {document.name}, unlike the file's name", hint)
        )


def _checked(reading: Reading, path: PurePosixPath, text: str, kind: str) -> Any:  # noqa: ANN401 - one of the shapes
    """Return the document a text holds, or None with the problems noted."""
    name = str(path)
    try:
        content = read_yaml(text)
    except YamlProblem as exc:
        where = name if exc.line is None else f"{name}: line {exc.line}"
        reading.problems.append(Problem(where, exc.what))
        return None
    if content is None:
        reading.problems.append(Problem(name, "is empty"))
        return None
    try:
        return SHAPES[kind].validate_python(content)
    except ValidationError as exc:
        reading.problems += problems_of(name, exc, ROOT_SHAPES.get(kind))
        return None


def _misplaced(path: PurePosixPath) -> list[Problem]:
    """Return a problem for a path that is near one of ours; other files are left alone.

    A folder misspelt must not pass: its environments would count as removed, and be destroyed.
    """
    folder = path.parts[0] if len(path.parts) > 1 else ""
    if folder in FOLDERS:
        return [Problem(str(path), f"should be in {folder}/ itself, not in a folder below")]
    known = [*FOLDERS] if folder else [ESTATE_FILE]
    near = get_close_matches(folder or path.name, known, n=1, cutoff=0.75)
    if not near:
        return []
    better = str(PurePosixPath(near[0], *path.parts[1:])) if folder else near[0]
    return [Problem(str(path), "is not where an estate's files are", f"did you mean {better}?")]


def _across(reading: Reading) -> Iterator[Problem]:
    """Yield what is wrong between files."""
    for name, document in reading.folders["environments"].items():
        for key in ("partner", "product", "instance"):
            yield from _reference(reading, name, key, getattr(document, key))
    for name, document in reading.folders["partners"].items():
        yield from _logins(name, document.members)
    ports: dict[int, str] = {}
    for name, document in reading.folders["instances"].items():
        port = getattr(document, "gateway_port", None)
        if port in ports:
            what = f"is {port}, which instance {ports[port]} has already"
            yield Problem(f"instances/{name}.yaml: gateway_port", what, "give each its own")
        elif port is not None:
            ports[port] = name


def _reference(reading: Reading, environment: str, key: str, target: str) -> Iterator[Problem]:
    folder = f"{key}s"
    names = reading.declared[folder]
    if target in names:
        return
    near = get_close_matches(target, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"declare it in {folder}/{target}.yaml"
    where = f"environments/{environment}.yaml: {key}"
    yield Problem(where, f"there is no {key} {target}", hint)


def _logins(partner: str, members: Sequence[MemberDocument]) -> Iterator[Problem]:
    """Yield what is wrong with the logins of a partner's file."""
    seen: set[str] = set()
    for index, member in enumerate(members):
        where = f"partners/{partner}.yaml: members/{index}/login"
        if member.login in RESERVED:
            yield Problem(where, f"{member.login} is a name of ours", "take another login")
        if member.login in seen:
            yield Problem(where, f"{member.login} is there twice", "give each person one role")
        seen.add(member.login)
