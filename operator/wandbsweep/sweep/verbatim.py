"""A definition in its user's own words, ready to stand under spec.sweep: keys, order, numbers and comments as written.

Two things are said more plainly than the user did, because Kubernetes stores 1.0 as 1: whether a range without a
distribution is one of whole or of real numbers, and a base configuration with such numbers, which becomes text. What
the result means is compared with what the user's text means before it is used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from wandbsweep.sweep.distributions import INT_UNIFORM, UNIFORM
from wandbsweep.sweep.document import read_document
from wandbsweep.sweep.kubernetes_yaml import KubernetesLoader, as_json_stores_it
from wandbsweep.sweep.numbers_in_yaml import is_number
from wandbsweep.sweep.problems import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WRAPPER: Final = "sweep"
"""Metta's files may have the whole definition under this key."""

_Path = tuple[str, ...]


@dataclass(frozen=True)
class OwnWords:
    """A definition as its user wrote it."""

    data: Mapping[str, Any]
    """What it says. Numbers are as Kubernetes reads them (`1e-5` is one), whole floats still floats."""
    text: str | None
    """The same as block YAML that begins in the first column, comments included; None if the user's text has another
    form, such as JSON."""


def own_words(text: str, *, field: str) -> OwnWords:
    """Read the text of a definition, called `field` in messages. Raises InvalidSweepError if it is none."""
    read_document(text, Place(field, joint=": "))
    root = yaml.compose(text, Loader=KubernetesLoader)
    data = yaml.load(text, Loader=KubernetesLoader)  # noqa: S506 - a safe loader with other numbers
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - read_document has seen to it
    wrapped = data.get(_WRAPPER)
    if "parameters" not in data and isinstance(wrapped, dict) and wrapped:
        root, data = _entries(root)[_WRAPPER], wrapped
    hidden = dict(_hidden_distributions(data.get("parameters"), ("parameters",)))
    for path, distribution in hidden.items():
        _name_distribution(data, path, distribution)
    base = data.get("base_config")
    if isinstance(base, dict) and json.dumps(base) != json.dumps(as_json_stores_it(base)):
        return OwnWords({**data, "base_config": json.dumps(base, indent=4)}, None)
    lines = None if root.flow_style else _lines(text, root, hidden)
    return OwnWords(data, lines if lines and _means(lines, data) else None)


def _hidden_distributions(section: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    """Ranges whose kind only a decimal point tells, or nothing at all."""
    for name, body in section.items() if isinstance(section, dict) else ():
        if not isinstance(body, dict):
            continue
        if "parameters" in body:
            yield from _hidden_distributions(body["parameters"], (*path, name, "parameters"))
        elif not body.keys() & {"distribution", "values", "value"}:
            bounds: list[Any] = [body.get("min"), body.get("max")]
            if all(is_number(bound) and bound % 1 == 0 for bound in bounds):
                real = any(isinstance(bound, float) for bound in bounds)
                yield (*path, name), UNIFORM if real else INT_UNIFORM


def _name_distribution(data: dict[str, Any], path: _Path, distribution: str) -> None:
    body: Any = data
    for name in path:
        body = body[name]
    settings = dict(body)
    body.clear()
    body.update({"distribution": distribution, **settings})


def _lines(text: str, root: yaml.MappingNode, hidden: Mapping[_Path, str]) -> str:
    """The lines of the definition, moved to the first column, with the distributions that were hidden."""
    lines = text.splitlines()
    below = len(lines) - root.end_mark.line - (root.end_mark.column > 0)
    for (line, column), (is_flow, distribution) in sorted(_marks(root, hidden).items(), reverse=True):
        before, behind = lines[line][:column], lines[line][column + 1 :]
        if is_flow:
            lines[line] = f"{before}{{distribution: {distribution}, {behind}"
        else:
            lines.insert(line, f"{before}distribution: {distribution}")
    margin, first = root.start_mark.column, root.start_mark.line
    heading = [line.strip() for line in lines[:first] if line.strip().startswith("#")]
    body = [line.lstrip() if line[:margin].strip() else line[margin:] for line in lines[first : len(lines) - below]]
    return "\n".join([*heading, *body]).rstrip() + "\n"


def _marks(root: yaml.MappingNode, hidden: Mapping[_Path, str]) -> dict[tuple[int, int], tuple[bool, str]]:
    """Where in the text the bodies of these parameters begin, line and column, and whether in braces."""
    marks = {}
    for path, distribution in hidden.items():
        body = root
        for name in path:
            body = _entries(body).get(name, body)  # a merged-in parameter is not there: the comparison will tell
        marks[body.start_mark.line, body.start_mark.column] = (bool(body.flow_style), distribution)
    return marks


def _entries(node: yaml.MappingNode) -> dict[str, yaml.MappingNode]:
    return {str(key.value): value for key, value in node.value}


def _means(lines: str, data: Mapping[str, Any]) -> bool:
    """Whether the lines say the same as the data, even further in under another key and with something after them."""
    indented = "".join(f"  {line}" if line.strip() else line for line in lines.splitlines(keepends=True))
    try:
        (read,) = yaml.load_all(f"sweep:\n{indented}after: 1\n", Loader=KubernetesLoader)
    except (yaml.YAMLError, ValueError):
        return False
    return json.dumps(read) == json.dumps({"sweep": data, "after": 1})
