"""The first door: a definition as text or as an object of the API server becomes plain data, or a readable problem.

Plain data means what JSON can carry, since that is how W&B stores a configuration and how trials receive it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import yaml

from wandbsweep.sweep.problems import Finding, InvalidSweepError, Place, Position, Report, kind_of
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.nodes import DEEPEST, MOST_VALUES, duplicate_keys, excess, position, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBERS: Final = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def read_document(source: str | Mapping[str, Any], place: Place, report: Report | None = None) -> dict[str, Any]:
    """The definition's top-level mapping.

    Args:
        source: YAML or JSON text, or a mapping.
        place: what messages call it.
        report: takes what does not keep the rest from being read, such as keys that stand twice; without it, errors
            among these are raised like the others.

    Raises:
        InvalidSweepError: the text is no YAML, or holds something else than a mapping of plain data.
    """
    found = Report()
    document = _parse(source, place, found) if isinstance(source, str) else dict(source)
    if document is None or document == {}:
        raise _single(Rule.EMPTY, place, "is empty", "write at least method, parameters and program")
    if not isinstance(document, dict):
        message = f"must be a mapping with keys such as method and parameters, not {kind_of(document)}"
        raise _single(Rule.WRONG_KIND, place, message)
    _check_plain(document, place, found.findings)
    if report is not None:
        report.findings.extend(found.findings)
    elif found.errors:
        raise InvalidSweepError(found.findings)
    return document


def read_data(text: str, place: Place) -> Any:
    """YAML inside a definition, such as the base values of a scaled dictionary. Raises InvalidSweepError."""
    found = Report()
    data = _parse(text, place, found)
    _check_plain(data, place, found.findings)
    if found.errors:
        raise InvalidSweepError(replace(finding, position=None) for finding in found.findings)
    return data


def _check_plain(data: Any, place: Place, found: list[Finding]) -> None:
    report = Report(list(found))
    _Walk(report).visit(data, place, depth=0)
    if len(report.findings) > len(found):
        raise InvalidSweepError(report.findings)


def _single(rule: Rule, place: Place, message: str, remedy: str = "", at: Position | None = None) -> InvalidSweepError:
    return InvalidSweepError([Finding(rule, place, message, remedy, at)])


def nodes_of(text: str) -> yaml.Node | None:
    """The text as nodes, None for an empty one. JSON may be indented with tabs, YAML may not. Raises yaml.YAMLError."""
    return _nodes(text, tabs=_as_json(text) is not None)


def _nodes(text: str, *, tabs: bool) -> yaml.Node | None:
    loader = yaml.SafeLoader(text.replace("\t", " ") if tabs else text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def is_json(text: str) -> bool:
    """Whether the text is JSON as Python reads it, any value and NaN included."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _as_json(text: str) -> dict[str, Any] | None:
    """The text read as JSON, in which 1e-5 is a number."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        data: dict[str, Any] = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return data


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _parse(text: str, place: Place, report: Report) -> Any:
    data = _as_json(text)
    try:
        return _through_nodes(text, data, place, report)
    except InvalidSweepError:
        raise
    except yaml.YAMLError as error:
        if data is not None:  # such as a key that is longer than YAML takes
            return data
        raise not_yaml(error, place) from None
    except ValueError as error:  # such as the date 2024-99-99
        raise _single(Rule.UNREADABLE, place, f"is not valid YAML: {error}", "put the value in quotes") from None
    except RecursionError:
        raise _single(Rule.UNREADABLE, place, "is nested too deeply to be a sweep definition") from None


def _through_nodes(text: str, data: Any, place: Place, report: Report) -> Any:
    root = _nodes(text, tabs=data is not None)
    if root is None:
        return None
    if too_much := excess(root, place, DEEPEST):
        raise InvalidSweepError([too_much])
    for node, spot in walk(root, place):
        report.findings.extend(duplicate_keys(node, spot))
        _warn_of_base_60(node, spot, report)
    return _constructed(root) if data is None else data


def _warn_of_base_60(node: yaml.Node, place: Place, report: Report) -> None:
    if node.tag in _NUMBERS and ":" in node.value:
        message = f"YAML 1.1 reads {node.value} as a number to the base of 60, Kubernetes as text"
        remedy = "put it in quotes, or write the number out"
        report.findings.append(Finding(Rule.TWO_READINGS, place, message, remedy, position(node.start_mark)))


def not_yaml(error: yaml.YAMLError, place: Place) -> InvalidSweepError:
    """What is wrong with a text that YAML cannot read, and where in it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return _single(Rule.UNREADABLE, place, f"is not valid YAML: {str(error).splitlines()[0]}")
    mark = error.problem_mark or error.context_mark
    at = position(mark) if mark else None
    told = f"line {at.line}, column {at.column}: " if at else ""
    return _single(Rule.UNREADABLE, place, f"is not valid YAML: {told}{error.problem or error.context}", at=at)


def _constructed(root: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(root)
    finally:
        loader.dispose()


class _Walk:
    """Visits every node once; YAML aliases can make a short text endless, so it counts."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._nodes = 0

    def visit(self, value: Any, place: Place, *, depth: int) -> None:
        self._nodes += 1
        if depth > DEEPEST:
            raise _single(Rule.UNREADABLE, place, "is nested too deeply, or refers to itself", "write the values out")
        if self._nodes > MOST_VALUES:
            message = f"is too large: a definition may have {MOST_VALUES} values, aliases written out"
            raise _single(Rule.UNREADABLE, place, message)
        if isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(key, str):
                    message = f"YAML reads the key {key!r} as {kind_of(key)}"
                    self._report.add(Rule.WRONG_KIND, place, message, "put it in quotes")
                else:
                    self.visit(item, place / key, depth=depth + 1)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self.visit(item, place / index, depth=depth + 1)
        elif not isinstance(value, (str, int, float, bool, type(None))):
            message = f"YAML reads this as a {type(value).__name__}"
            self._report.add(Rule.WRONG_KIND, place, message, "put it in quotes")
