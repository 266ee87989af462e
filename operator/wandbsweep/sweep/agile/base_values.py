"""The base of a scaled dictionary: a mapping as JSON text, as YAML text or written out, every leaf of it a number.

W&B stores it as JSON text, since the trial launcher, which reads it again, has no YAML.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from wandbsweep.sweep.problems import InvalidSweepError, Place, Report, kind_of
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.document import is_json, read_data
from wandbsweep.sweep.texts.numbers import checked_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_REMEDY = "a base holds numbers only, in lists and mappings"


class Base(NamedTuple):
    """Base values, and the text that carries them."""

    values: Mapping[str, Any]
    text: str


def read_base(written: Any, place: Place, report: Report) -> Base | None:
    """The base as the user wrote it; None if it cannot be used, with the reasons in the report."""
    found = Report()
    base = _from_text(written, place, found) if isinstance(written, str) else _from_data(written, place, found)
    if isinstance(written, str):
        # What stands inside a text has a path, but no place in the file of its own.
        found.findings = [replace(each, place=replace(each.place, keys=place.keys)) for each in found.findings]
    report.findings.extend(found.findings)
    return None if found.errors else base


def _from_text(text: str, place: Place, report: Report) -> Base | None:
    try:
        data = read_data(text, place)
    except InvalidSweepError as error:
        report.findings.extend(error.findings)
        return None
    return _from_data(data, place, report, text)


def _from_data(data: Any, place: Place, report: Report, text: str = "") -> Base | None:
    if not isinstance(data, dict):
        remedy = "write {<joint>: <base value>, ...}, as JSON text, as YAML text or plainly"
        report.add(Rule.WRONG_KIND, place, f"must be a mapping of base values, not {kind_of(data)}", remedy)
        return None
    if not data:
        report.add(Rule.EMPTY, place, "is empty", "give at least one base value")
        return None
    _check_numbers(data, place, report)
    return Base(data, text if is_json(text) else json.dumps(data))


def _check_numbers(value: Any, place: Place, report: Report) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _check_numbers(item, place / key, report)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_numbers(item, place / index, report)
    else:
        checked_number(value, place, report, remedy=_REMEDY)
