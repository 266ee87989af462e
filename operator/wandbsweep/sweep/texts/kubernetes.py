"""YAML as kubectl reads it, which is not quite as Python does: `1e-5` is a number, `y` is true, and 1.0 becomes 1.

A manifest is linted as the API server will store it, so that what is checked is what will run.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from wandbsweep.api.labels import KIND
from wandbsweep.sweep.problems import Finding, InvalidSweepError, Place
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.nodes import DEEPEST_FILE, duplicate_keys, excess, position, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST_EXACT: Final = 1e21
"""From here on Go writes a whole float with an exponent, so that it stays one."""

_BOOL, _FLOAT, _INT, _NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null"))
_OWN_READING: Final = {f"tag:yaml.org,2002:{kind}" for kind in ("float", "int", "timestamp", "value")}


class KubernetesLoader(yaml.SafeLoader):
    """Knows the words of Go's YAML library: more numbers and booleans, no dates, nothing to the base of 60."""

    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012 - PyYAML's own way


KubernetesLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag not in _OWN_READING]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern, _first in (
    (_INT, r"[-+]?(0b[01][01_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|0o[0-7]+|0[0-7_]*|[1-9][0-9_]*)", "-+0123456789"),
    (_FLOAT, r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    (_FLOAT, r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
    (_BOOL, r"[yYnN]", "yYnN"),
):
    KubernetesLoader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))


def load_manifests(text: str) -> list[Any]:
    """All documents of the text, as they will be stored.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError: it says what no JSON can carry, or explodes once its aliases are written out.
    """
    return [stored(root) for root in nodes_of_manifests(text)]


def nodes_of_manifests(text: str) -> Iterator[yaml.Node]:
    """The documents of the text as nodes. Raises yaml.YAMLError."""
    return yaml.compose_all(text, Loader=KubernetesLoader)


def findings_in_nodes(root: yaml.Node) -> list[Finding]:
    """What is wrong with a document before it is known what it says. After an error, it must not be read."""
    top = Place("")
    if too_much := excess(root, top, DEEPEST_FILE):
        return [too_much]
    return [
        finding
        for node, place in walk(root, top)
        for finding in (*duplicate_keys(node, place), *_keys_that_are_no_text(node, place), *_odd_words(node, place))
    ]


def stored(root: yaml.Node) -> Any:
    """What a document says, as it will be stored. Raises what `load_manifests` does."""
    return as_json_stores_it(written(root))


def written(root: yaml.Node) -> Any:
    """What a document says, its keys in their order and 1.0 still a float. Raises what `load_manifests` does."""
    if too_much := excess(root, Place(""), DEEPEST_FILE):
        raise InvalidSweepError([too_much])
    loader = KubernetesLoader("")
    try:
        return loader.construct_document(root)
    finally:
        loader.dispose()


def objects_in(document: Any) -> dict[tuple[str | int, ...], dict[str, Any]]:
    """The objects in a document by the keys that lead to them, items of a List included; none in a sweep definition."""
    if not isinstance(document, dict):
        return {}
    items = document.get("items")
    if document.get("kind") == "List" and isinstance(items, list):
        return {("items", index): item for index, item in enumerate(items) if _is_object(item)}
    return {(): document} if _is_object(document) else {}


def _is_object(item: Any) -> bool:
    """W&B's own files may have an apiVersion, and say kind: sweep."""
    if not isinstance(item, dict):
        return False
    return item.get("kind") == KIND or ("apiVersion" in item and item.get("kind", "sweep") != "sweep")


def as_json_stores_it(value: Any) -> Any:
    """The same data once it went through Kubernetes, which writes 1.0 as 1 and keys in alphabetical order."""
    if isinstance(value, dict):
        by_key = {_as_json_key(key): as_json_stores_it(item) for key, item in value.items()}
        return dict(sorted(by_key.items()))
    if isinstance(value, list):
        return [as_json_stores_it(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_EXACT:
        return int(value)
    return value


def _as_json_key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key)


def _keys_that_are_no_text(node: yaml.Node, place: Place) -> Iterator[Finding]:
    """Keys such as `y` and `on`, under which nothing would be found."""
    for named, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if named.tag in (_BOOL, _NULL):
            kind = "a boolean" if named.tag == _BOOL else "nothing"
            message = f"Kubernetes reads the key {named.value} as {kind}"
            at = position(named.start_mark)
            yield Finding(Rule.WRONG_KIND, place / str(named.value), message, "put it in quotes", at)


def _odd_words(node: yaml.Node, place: Place) -> Iterator[Finding]:
    """Plain words that mean something else than they seem to."""
    at = position(node.start_mark)
    if node.tag == _BOOL and node.value in ("y", "Y", "n", "N"):
        message = f"Kubernetes reads {node.value} as a boolean, W&B as text"
        yield Finding(Rule.TWO_READINGS, place, message, "put it in quotes, or write true or false", at)
    if node.tag == _FLOAT and node.value.lower().endswith(("inf", "nan")):
        yield Finding(Rule.NOT_A_NUMBER, place, f"kubectl refuses {node.value}, as JSON has no such number", "", at)
