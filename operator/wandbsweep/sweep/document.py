"""The first door: a definition as text or as an object of the API server becomes plain data, or a readable problem.

Plain data means what JSON can carry, since that is how W&B stores a configuration and how trials receive it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from wandbsweep.sweep.problems import Finding, InvalidSweepError, Place, Report, kind_of
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEEPEST: Final = 32
_MOST_NODES: Final = 200_000


def read_document(source: str | Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The definition's top-level mapping.

    Raises:
        InvalidSweepError: the text is no YAML, or holds something else than a mapping of plain data.
    """
    document = _parse(source, place) if isinstance(source, str) else dict(source)
    if document is None or document == {}:
        raise _single(Rule.EMPTY, place, "is empty", "write at least method, parameters and program")
    if not isinstance(document, dict):
        message = f"must be a mapping with keys such as method and parameters, not {kind_of(document)}"
        raise _single(Rule.WRONG_KIND, place, message)
    _check_plain(document, place)
    return document


def read_data(text: str, place: Place) -> Any:
    """YAML inside a definition, such as the base values of a scaled dictionary. Raises InvalidSweepError."""
    data = _parse(text, place)
    _check_plain(data, place)
    return data


def _check_plain(data: Any, place: Place) -> None:
    report = Report()
    _Walk(report).visit(data, place, depth=0)
    if report.findings:
        raise InvalidSweepError(report.findings)


def _single(rule: Rule, place: Place, message: str, remedy: str = "") -> InvalidSweepError:
    return InvalidSweepError([Finding(rule, place, message, remedy)])


def _parse(text: str, place: Place) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _single(Rule.UNREADABLE, place, f"is not valid YAML: {where}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise _single(Rule.UNREADABLE, place, f"is not valid YAML: {str(error).splitlines()[0]}") from None
    except ValueError as error:  # such as the date 2024-99-99
        raise _single(Rule.UNREADABLE, place, f"is not valid YAML: {error}", "put the value in quotes") from None
    except RecursionError:
        raise _single(Rule.UNREADABLE, place, "is nested too deeply to be a sweep definition") from None


class _Walk:
    """Visits every node once; YAML aliases can make a short text endless, so it counts."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._nodes = 0

    def visit(self, value: Any, place: Place, *, depth: int) -> None:
        self._nodes += 1
        if depth > _DEEPEST:
            raise _single(Rule.UNREADABLE, place, "is nested too deeply, or refers to itself", "write the values out")
        if self._nodes > _MOST_NODES:
            message = f"is too large: a definition may have {_MOST_NODES} values, aliases written out"
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
