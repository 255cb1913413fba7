"""Reads one YAML text safely: plain data, one document, no key twice, bounded in size."""

import re
from collections.abc import Hashable
from typing import Any

import yaml
from typing_extensions import override

LIMIT_BYTES = 256 * 1024
LIMIT_NODES = 20_000
LIMIT_DEPTH = 32
BOOLEAN_TAG = "tag:yaml.org,2002:bool"
BOOLEAN = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")


class YamlProblem(Exception):
    """What is wrong with a text, and in which line."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        """Counts from 1; None where it is about the whole text."""


def read_yaml(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return what the text holds.

    Raises:
        YamlProblem: It is no YAML, or not of the plain and small kind.
    """
    if len(text.encode()) > LIMIT_BYTES:
        message = f"should be at most {LIMIT_BYTES // 1024} KiB long"
        raise YamlProblem(message)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = None if mark is None else mark.line + 1
        raise YamlProblem(_sentence(exc), line) from exc
    except (yaml.YAMLError, ValueError) as exc:
        message = f"should be YAML: {str(exc).splitlines()[0]}"
        raise YamlProblem(message) from exc
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """The safe loader, with no key twice, bounded depth, and no booleans but true and false."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # Checked while composing, which recurses once for each level.
        self._depth += 1
        if self._depth > LIMIT_DEPTH:
            message = f"is nested more than {LIMIT_DEPTH} deep"
            raise YamlProblem(message, self.line + 1)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            name = getattr(key, "value", None)
            if isinstance(name, str) and name in seen:
                message = f"has the key {name} twice"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
            seen.add(name if isinstance(name, str) else key)
        return super().construct_mapping(node, deep)


# A variable named NO or ON is a name: only true and false are booleans, as in YAML 1.2.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, BOOLEAN if tag == BOOLEAN_TAG else pattern) for tag, pattern in resolvers]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _check_size(root: yaml.Node) -> None:
    """Refuse deep nesting, and aliases that unfold to more than anyone writes by hand."""
    sizes: dict[int, int] = {}
    if _size(root, sizes, above=frozenset()) > LIMIT_NODES:
        message = "holds more values than an estate file may, once its aliases are unfolded"
        raise YamlProblem(message)


def _size(node: yaml.Node, sizes: dict[int, int], *, above: frozenset[int]) -> int:
    """Return how many values a node is, aliases unfolded; each node is counted once."""
    key = id(node)
    if key in above:
        message = "has an alias inside what it stands for"
        raise YamlProblem(message, node.start_mark.line + 1)
    if key not in sizes:
        inside = above | {key}
        parts = (_size(part, sizes, above=inside) for part in _parts(node))
        sizes[key] = 1 + sum(parts)
    return sizes[key]


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _sentence(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "it cannot be read"
    if isinstance(error, yaml.constructor.ConstructorError):
        if "could not determine a constructor" in problem:
            return "has a tag of its own; plain values only"
        return problem
    if isinstance(error, yaml.composer.ComposerError) and "document" in problem:
        return "should be one document"
    return f"should be YAML: {problem}"
