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


def warn_of_numbers_as_text(value: Any, place: Place, report: Report) -> None:
    """Texts among values, to any depth, that were numbers if Kubernetes had read them."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            warn_of_numbers_as_text(item, place / index, report)
    elif isinstance(value, dict):
        for key, item in value.items():
            warn_of_numbers_as_text(item, place / key, report)
    elif isinstance(value, str) and _has_two_readings(value) and (number := as_yaml_number(value)):
        report.add(Rule.NUMBER_AS_TEXT, place, _as_it_is_read(value), f"for a number write {number}")


def _has_two_readings(text: str) -> bool:
    """A float with an exponent needs a point and the exponent's sign to be a number to YAML 1.1."""
    match = _NUMBER_AS_TEXT.fullmatch(text)
    return bool(match and match[5] and not (match[3] and match[4]))


def _as_it_is_read(text: str) -> str:
    if _has_two_readings(text):
        return f"{text!r} is text to YAML 1.1, which W&B uses, and a number to Kubernetes"
    return f"{text!r} is text, not a number"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def checked_number(value: Any, place: Place, report: Report, *, whole: bool = False, remedy: str = "") -> float | None:
    """The value if it is a finite number (a whole one where asked), else None and a finding in the report."""
    if isinstance(value, str) and (number := as_yaml_number(value)):
        report.add(Rule.NOT_A_NUMBER, place, _as_it_is_read(value), f"write {number} without quotes")
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
