"""One stack on its way from the authors' model to ours: what every emitting function is given."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.interpolate import Values, reveal_marks
from guesthouse.stacks.ledger import Ledger
from guesthouse.stacks.model import CompileContext, Policy
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.paths import is_below
from guesthouse.stacks.sources import SourceTree

TAG_DIGITS = 12
EDGE = "edge"
"""Key of the network the gateway reaches routed services on."""


Tagger: TypeAlias = Callable[[SourceTree, str], str]


@dataclass
class Store:
    """Files the instance is given, and which paths of the repository it needs."""

    files: dict[str, str] = field(default_factory=dict)
    mounts: dict[str, str] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    build_secrets: dict[str, str] = field(default_factory=dict)
    """Path of the file by the key under ``secrets`` in the canonical file."""
    tags: dict[str, str] = field(default_factory=dict)
    """Content tags that were worked out already, by path."""

    def needed(self) -> tuple[str, ...]:
        """Return the paths the bundle must hold, without those inside another."""
        kept: list[str] = []
        for path in sorted(self.sources):
            if not any(is_below(path, other) for other in kept):
                kept.append(path)
        return tuple(kept)


@dataclass(frozen=True)
class Draft:
    """A stack being compiled."""

    stack: str
    model: Model
    tree: SourceTree
    policy: Policy
    context: CompileContext
    values: Values
    ledger: Ledger
    store: Store
    routed: Mapping[str, str]
    """Address on the edge network by service."""
    routed_ports: frozenset[tuple[str, str]]
    """Service and port of each route."""
    test_services: frozenset[str]
    """Services the functional tests need and ``up`` must not start."""
    tagger: Tagger
    """Makes content tags; a check on a laptop needs none, and may meet a folder full of links."""

    def service(self, name: str) -> Model:
        """Return what the author wrote of a service."""
        written: Model = self.model["services"][name]
        return written

    def key(self, name: str) -> str:
        """Return the key of a network or volume in the canonical file."""
        return f"{self.stack}_{name}"

    def engine_name(self, name: str) -> str:
        """Return the name of a network or volume on the engine."""
        return f"{self.context.project}_{self.stack}_{name}"

    def network_name(self, key: str) -> str:
        """Return the name on the engine of a network, known by its key in the canonical file."""
        return f"{self.context.project}_{key}"

    def volume_name(self, key: str) -> str:
        """Return the name on the engine of a volume, known by its key in the canonical file."""
        return f"{self.context.project}_{key}"

    def tag(self, path: str) -> str:
        """Return the content tag of a file or folder of the repository."""
        if path not in self.store.tags:
            self.store.tags[path] = self.tagger(self.tree, path)
        return self.store.tags[path]

    def keep_text(self, name: str, text: str) -> str:
        """Keep a text, its secrets revealed, as a file of the instance and return its path."""
        revealed = reveal_marks(text, self.values.secrets)
        path = f"files/{self.secret_tag(revealed)}/{name}"
        self.store.files[path] = revealed
        return path

    def secret_tag(self, text: str) -> str:
        """Return a tag of a text that may hold secrets."""
        return secret_tag(text, self.values.secrets, self.context.salt)


def secret_tag(text: str, secrets: Mapping[str, Sensitive[str]], salt: Sensitive[str]) -> str:
    """Return a tag of a text from which nobody can try out guesses of it.

    The key is made of the salt and of every secret: who lacks one of them can check no guess.
    """
    parts = [salt.reveal(), *(secrets[name].reveal() for name in sorted(secrets))]
    key = hashlib.sha256("\0".join(parts).encode()).digest()
    return hashlib.blake2b(text.encode(), key=key).hexdigest()[:TAG_DIGITS]


def tree_tag(tree: SourceTree, path: str) -> str:
    """Return a tag of a file, or of a folder's paths, contents and execute bits."""
    digest = hashlib.sha256()
    paths = [path] if tree.has_file(path) else list(tree.files(path))
    for name in paths:
        relative = name.removeprefix(path).removeprefix("/")
        content = hashlib.sha256(tree.read(name)).hexdigest()
        mode = "x" if tree.is_executable(name) else "-"
        digest.update(f"{relative}\0{mode}\0{content}\n".encode())
    return digest.hexdigest()[:TAG_DIGITS]


def text_tag(*parts: str) -> str:
    """Return a tag of several texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:TAG_DIGITS]
