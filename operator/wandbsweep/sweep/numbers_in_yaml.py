"""Numbers as users write them and as YAML reads them: `1e-5` is a number to a person and text to YAML 1.1."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandbsweep.sweep.problems import Place, Report

from wandbsweep.sweep.problems import kind_of
from wandbsweep.sweep.rules import Rule

_NUMBER_AS_TEXT = re.compile(r"([+-]?)(\d[\d_]*)?(\.\d*)?(?:[eE]([+-]?)(\d+))?")


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_yaml_number(text: str) -> str | None:
    """How YAML wants the number that this text looks like (`1e-5` -> `1.0e-5`), or None if it looks like none."""
    match = _NUMBER_AS_TEXT.fullmatch(text.strip())
    if not match or not (match[2] or (match[3] or "").strip(".")):
        return None
    sign, whole, fraction, exponent_sign, exponent = match.groups()
    number = f"{sign}{whole or '0'}{fraction or ''}"
    if exponent is None:
        return number
    point = "" if fraction and fraction != "." else "0" if fraction else ".0"
    return f"{number}{point}e{exponent_sign or '+'}{exponent}"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def checked_number(value: Any, place: Place, report: Report, *, whole: bool = False, remedy: str = "") -> float | None:
    """The value if it is a finite number (a whole one where asked), else None and a finding in the report."""
    if isinstance(value, str) and (number := as_yaml_number(value)):
        report.add(Rule.NOT_A_NUMBER, place, f"{value!r} is text, not a number", f"write {number} without quotes")
    elif not is_number(value):
        report.add(Rule.NOT_A_NUMBER, place, f"must be a number, not {kind_of(value)}", remedy)
    elif not _is_finite(value):
        report.add(Rule.NOT_A_NUMBER, place, f"must be a finite number, not {value}")
    elif whole and not isinstance(value, int):
        remedy = "for real numbers use distribution: uniform"
        report.add(Rule.NOT_A_NUMBER, place, f"must be a whole number, not {value}", remedy)
    else:
        return float(value) if abs(value) < 2**53 else value
    return None
