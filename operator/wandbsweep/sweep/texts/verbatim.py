"""A definition in its user's own words, ready to stand under spec.sweep: keys, order, numbers and comments as written.

Where Kubernetes would read or keep something else than its user meant, it is said more plainly: whether a range without
a distribution is one of whole or of real numbers (1.0 is kept as 1), plain words such as `n`, and the parts of a scan
whose order or whole floats would be lost. What the result says is compared with what the user said before it is used.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from wandbsweep.sweep.problems import Place
from wandbsweep.sweep.reading.distributions import INT_UNIFORM, UNIFORM
from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.sweep.scan.in_kubernetes import exact_base_config, for_kubernetes
from wandbsweep.sweep.texts.document import is_json, read_document
from wandbsweep.sweep.texts.kubernetes import KubernetesLoader
from wandbsweep.sweep.texts.nodes import walk
from wandbsweep.sweep.texts.numbers import is_number

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRAPPER: Final = "sweep"
"""Metta's files may have the whole definition under this key."""

_Path = tuple[str, ...]


@dataclass(frozen=True)
class OwnWords:
    """A definition as its user wrote it."""

    data: dict[str, Any]
    """What it says: `1e-5` is a number, as Kubernetes reads it, and 1.0 is still a float."""
    text: str | None
    """The same as block YAML that begins in the first column, comments included; None if the user's text has another
    form, such as JSON, or something in it has to be said otherwise."""


class _UsersLoader(yaml.SafeLoader):
    """W&B's reading, but for numbers such as 1e-5, which nobody means as text."""


_UsersLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def own_words(text: str, *, field: str) -> OwnWords:
    """Read the text of a definition, called `field` in messages. Raises InvalidSweepError if it is none."""
    written = read_document(text, Place(field, joint=": "))
    if is_json(text):
        return OwnWords(_for_kubernetes(_unwrapped(written)), None)
    root: Any = yaml.compose(text, Loader=_UsersLoader)
    whole = yaml.load(text, Loader=_UsersLoader)  # noqa: S506 - a safe loader with more numbers
    data = _unwrapped(whole)
    if data is not whole:
        root = _entries(root)[_WRAPPER]
    edits = list(_spelt_out(root))
    for path, distribution in _hidden_distributions(data.get("parameters"), ("parameters",)):
        edits += _naming(root, path, distribution)
    said = _for_kubernetes(data)
    if root.flow_style:
        return OwnWords(said, None)
    lines = _lines(text, root, edits)
    candidates = (f"{lines.rstrip()}\n", f"{lines}\n")  # the end of a text that ends in a block may mean something
    return OwnWords(said, next((each for each in candidates if _means(each, said)), None))


def _unwrapped(data: dict[str, Any]) -> dict[str, Any]:
    inner = data.get(_WRAPPER)
    return inner if len(data) == 1 and isinstance(inner, dict) else data


def _for_kubernetes(data: dict[str, Any]) -> dict[str, Any]:
    """The same definition in a form that Kubernetes keeps."""
    for path, distribution in list(_hidden_distributions(data.get("parameters"), ("parameters",))):
        _name_distribution(data, path, distribution)
    return for_kubernetes(data) if data.get("method") == SCAN else exact_base_config(data)


def _hidden_distributions(section: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    """Ranges whose kind only a decimal point tells, or nothing at all."""
    for name, body in section.items() if isinstance(section, dict) else ():
        if not isinstance(body, dict):
            continue
        if "parameters" in body:
            yield from _hidden_distributions(body["parameters"], (*path, name, "parameters"))
        elif not body.keys() & {"distribution", "values", "value", "type"}:
            bounds: list[Any] = [body.get("min"), body.get("max")]
            if all(is_number(bound) and bound % 1 == 0 for bound in bounds):
                real = any(isinstance(bound, float) for bound in bounds)
                yield (*path, name), UNIFORM if real else INT_UNIFORM


def _name_distribution(data: dict[str, Any], path: _Path, distribution: str) -> None:
    body: Any = data
    for name in path:
        body = body[name]
    settings = {key: item for key, item in body.items() if key != "distribution"}
    body.clear()
    body.update({"distribution": distribution, **settings})


class _Edit(NamedTuple):
    """A change of the text from one index to another."""

    start: int
    end: int
    words: str


def _spelt_out(root: yaml.MappingNode) -> Iterator[_Edit]:
    """Plain words that Kubernetes reads otherwise, in a spelling that it does not."""
    kubernetes = KubernetesLoader("")
    users = _UsersLoader("")
    for node, _ in walk(root, Place("")):
        keys = [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        for each in (node, *keys):
            plain = isinstance(each, yaml.ScalarNode) and each.style is None
            if plain and each.tag != kubernetes.resolve(yaml.ScalarNode, each.value, (True, False)):  # type: ignore[no-untyped-call]
                value = users.construct_document(each)
                yield _Edit(each.start_mark.index, each.end_mark.index, json.dumps(value, ensure_ascii=False))


def _naming(root: yaml.MappingNode, path: _Path, distribution: str) -> Iterator[_Edit]:
    """The distribution in front of the other settings of a parameter."""
    body = root
    for name in path:
        body = _entries(body).get(name, root)
    if body is root or not isinstance(body, yaml.MappingNode):
        return  # brought in from elsewhere, by << or an alias: the comparison will tell
    start, setting = body.start_mark.index, f"distribution: {distribution}"
    if body.flow_style:
        yield _Edit(start + 1, start + 1, f"{setting}, ")
    else:
        yield _Edit(start, start, f"{setting}\n{' ' * body.start_mark.column}")


def _lines(text: str, root: yaml.MappingNode, edits: list[_Edit]) -> str:
    """The edited lines of the definition, moved to the first column."""
    before = text.splitlines()
    below = len(before) - root.end_mark.line - (root.end_mark.column > 0)
    for edit in sorted(set(edits), reverse=True):
        text = text[: edit.start] + edit.words + text[edit.end :]
    lines = text.splitlines()
    margin, first = root.start_mark.column, root.start_mark.line
    heading = [line.strip() for line in lines[:first] if line.strip().startswith("#")]
    body = [line.lstrip() if line[:margin].strip() else line[margin:] for line in lines[first : len(lines) - below]]
    return "\n".join([*heading, *body])


def _entries(node: yaml.MappingNode) -> dict[str, yaml.MappingNode]:
    return {str(key.value): value for key, value in node.value}


def _means(lines: str, data: dict[str, Any]) -> bool:
    """Whether the lines say the same as the data, even further in under another key and with something after them."""
    indented = "".join(f"  {line}" if line.strip() else line for line in lines.splitlines(keepends=True))
    try:
        (read,) = yaml.load_all(f"sweep:\n{indented}after: 1\n", Loader=KubernetesLoader)
        return json.dumps(read) == json.dumps({"sweep": data, "after": 1})
    except (yaml.YAMLError, ValueError, TypeError):
        return False
