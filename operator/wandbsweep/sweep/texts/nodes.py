"""What only the nodes of a YAML text show: where a key stands, keys that stand twice, how large it is without aliases.

PyYAML's own reading keeps the last of two equal keys in silence, and writes aliases out without asking how often.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import yaml

from wandbsweep.sweep.problems import Finding, Place, Position
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST: Final = 32
"""Levels that a definition may have."""
DEEPEST_FILE: Final = 100
"""Levels that an object of Kubernetes may have."""
MOST_VALUES: Final = 200_000

_LINE_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_MERGE: Final = "tag:yaml.org,2002:merge"


class Spot(NamedTuple):
    """Where a key or an item stands, and what stands there."""

    position: Position
    node: yaml.Node
    found: bool
    """False: only the nearest one above it exists."""


def spot_of(root: yaml.Node, keys: tuple[str | int, ...]) -> Spot:
    """The spot to which the keys lead from the top of a document, or the nearest above it that exists."""
    spot = Spot(position(root.start_mark), root, found=True)
    for key in keys:
        entry = _entry(spot.node, key)
        if entry is None:
            return spot._replace(found=False)
        named, node = entry
        spot = Spot(position(named.start_mark), node, found=True)
    return spot


def position(mark: yaml.Mark) -> Position:
    """As editors count."""
    return Position(mark.line + 1, mark.column + 1)


class Embedded:
    """A text that is a scalar of another one: where its spots are in the text around it."""

    def __init__(self, scalar: yaml.Node, around: str) -> None:
        self._start = position(scalar.start_mark)
        self._indentation: int | None = None
        if not isinstance(scalar, yaml.ScalarNode) or scalar.style != "|":
            return
        lines = _LINE_BREAK.split(scalar.value)
        first = next((index for index, line in enumerate(lines) if line), None)
        if first is not None:
            outer = _LINE_BREAK.split(around)[self._start.line + first]
            self._indentation = len(outer) - len(lines[first])

    def around(self, at: Position) -> Position:
        """The spot in the text around; of another form than a literal block, only where that begins."""
        if self._indentation is None:
            return self._start
        return Position(self._start.line + at.line, at.column + self._indentation)


def _entry(node: yaml.Node, key: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that names an entry, and that of its value. Of equal keys the last one counts, and own ones first."""
    if isinstance(node, yaml.SequenceNode):
        inside = isinstance(key, int) and 0 <= key < len(node.value)
        return (node.value[key], node.value[key]) if inside else None
    if not isinstance(node, yaml.MappingNode):
        return None
    for named, value in reversed(node.value):
        if isinstance(named, yaml.ScalarNode) and named.value == str(key):
            return named, value
    merged = (entry for source in _merged(node) if (entry := _entry(source, key)))
    return next(merged, None)


def _merged(node: yaml.MappingNode) -> Iterator[yaml.Node]:
    """The mappings that `<<` brings in."""
    for named, value in node.value:
        if named.tag == _MERGE:
            yield from value.value if isinstance(value, yaml.SequenceNode) else [value]


def excess(root: yaml.Node, place: Place, deepest: int) -> Finding | None:
    """Why a text would be too large or too deep once its aliases are written out."""
    size, depth = _extent(root, {})
    if depth > deepest:
        return Finding(Rule.UNREADABLE, place, "is nested too deeply, or refers to itself", "write the values out")
    if size > MOST_VALUES:
        message = f"is too large: a definition may have {MOST_VALUES} values, aliases written out"
        return Finding(Rule.UNREADABLE, place, message)
    return None


_ENDLESS: Final = 2**62


def _extent(node: yaml.Node, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many values there are below a node, itself included, and on how many levels. Each node is looked at once."""
    if isinstance(node, yaml.ScalarNode):
        return 1, 0
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = (_ENDLESS, _ENDLESS)  # met again before it is known, it refers to itself
    children = [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else node.value
    extents = [_extent(child, known) for child in children]
    size = min(1 + sum(size for size, _ in extents), _ENDLESS)
    known[id(node)] = size, min(1 + max((depth for _, depth in extents), default=-1), _ENDLESS)
    return known[id(node)]


def walk(root: yaml.Node, place: Place) -> Iterator[tuple[yaml.Node, Place]]:
    """All nodes of a document with their places; what aliases refer to only once."""
    return _walk(root, place, set())


def _walk(node: yaml.Node, place: Place, seen: set[int]) -> Iterator[tuple[yaml.Node, Place]]:
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node, place
    if isinstance(node, yaml.MappingNode):
        for named, value in node.value:
            yield from _walk(value, place / str(named.value), seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, place / index, seen)


def duplicate_keys(node: yaml.Node, place: Place) -> Iterator[Finding]:
    """The keys of one mapping that stand in it twice. `<<` may."""
    first: dict[str, Position] = {}
    for named, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if not isinstance(named, yaml.ScalarNode) or named.tag == _MERGE:
            continue
        here = position(named.start_mark)
        if named.value in first:
            message = f"stands twice, first in line {first[named.value].line} (only the last one would count)"
            yield Finding(Rule.DUPLICATE_KEY, place / named.value, message, "remove one", here)
        first.setdefault(named.value, here)
