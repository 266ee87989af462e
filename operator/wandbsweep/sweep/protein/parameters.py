"""Reads the parameters of method protein: ranges as Protein has them, besides the values and constants of W&B."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.parameter import Parameter
from wandbsweep.sweep.problems import Place, Report, did_you_mean
from wandbsweep.sweep.protein.space import (
    INT_UNIFORM,
    LOG_NORMAL,
    LOGIT_NORMAL,
    RANGES,
    UNIFORM,
    UNIFORM_POW2,
    WHOLE,
    middle,
)
from wandbsweep.sweep.reading.distributions import CONSTANT
from wandbsweep.sweep.reading.moved_place import moved
from wandbsweep.sweep.reading.parameters import check_name, read_parameters
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.numbers import as_yaml_number, checked_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBERS: Final = ("min", "max", "mean")
_KEYS: Final = ("distribution", *_NUMBERS, "scale")
_LARGEST_WHOLE: Final = 2**53
"""From here on JSON's numbers are no longer exact."""
_LARGEST_EXPONENT: Final = 53
_LOGARITHMS: Final = (LOG_NORMAL, UNIFORM_POW2)
_AUTO: Final = 0.5
"""A quarter of the range to either side."""
_OF_OTHERS: Final = {
    "log_uniform_values": LOG_NORMAL,
    "log_uniform": f"{LOG_NORMAL}, with values for bounds, not exponents",
    "q_uniform": INT_UNIFORM,
    "normal": f"{UNIFORM}, with mean and scale",
    "linear": UNIFORM,
    "int": INT_UNIFORM,
    "log": LOG_NORMAL,
    "logit": LOGIT_NORMAL,
    "pow2": UNIFORM_POW2,
}
"""What distributions of W&B, and of Metta before it had Protein, are called by Protein."""


def read_protein_parameters(section: Any, place: Place, report: Report) -> tuple[Parameter, ...]:
    """The parameters of a flat section; what is wrong with them goes into the report.

    In the settings of a range, `min`, `max`, `mean` and `scale` are numbers of the parameter's own type.
    """
    if not isinstance(section, dict) or not section:
        return read_parameters(section, place, report)
    found: list[Parameter] = []
    for name, body in section.items():
        if isinstance(body, dict) and _is_range(body):
            check_name(name, place / name, report)
            found += _read_range(name, body, place / name, report)
        else:
            found += read_parameters({name: body}, place, report)
    return tuple(found)


def _is_range(body: Mapping[str, Any]) -> bool:
    return bool(body.keys() & {"min", "max"}) or body.get("distribution") in RANGES


def _read_range(name: str, body: Mapping[str, Any], place: Place, report: Report) -> tuple[Parameter, ...]:
    before = len(report.errors)
    distribution = _distribution(body, place, report)
    for key in (key for key in body if key not in _KEYS):
        remedy = did_you_mean(key, _KEYS, "it takes min, max, mean and scale")
        report.add(Rule.UNKNOWN_KEY, place / key, "a range of Protein has no such setting", remedy)
    for key in (key for key in ("min", "max") if key not in body):
        report.add(Rule.MISSING_KEY, place / key, "is missing", "a range needs min and max")
    numbers = {key: _number(body[key], distribution, place / key, report) for key in _NUMBERS if key in body}
    if len(report.errors) > before:
        return ()
    low, high = numbers["min"], numbers["max"]
    if low > high:
        message = f"min {body['min']} must not be above max {body['max']}"
        report.add(Rule.MIN_ABOVE_MAX, place, message, "swap them")
    elif low < high:
        _check_reach(numbers, distribution, place, report)
    if len(report.errors) > before:
        return ()
    mean = numbers["mean"] if "mean" in numbers else low if low == high else middle(distribution, low, high)
    if not low <= mean <= high:
        remedy = f"write {body['min' if mean < low else 'max']}, the nearest that is"
        message = f"must lie between min {body['min']} and max {body['max']}, not at {body['mean']}"
        report.add(Rule.INVALID_VALUE, place / "mean", message, remedy)
    scale = _scale(body.get("scale", "auto"), distribution, (low, high), place / "scale", report)
    if len(report.errors) > before:
        return ()
    if low == high:
        return (Parameter((name,), CONSTANT, {"value": low}, moved(place, {"value": place}), implied=True),)
    settings = {"min": low, "max": high, "mean": mean, "scale": scale}
    return (Parameter((name,), distribution, settings, place, implied=False),)


def _distribution(body: Mapping[str, Any], place: Place, report: Report) -> str:
    named = body.get("distribution")
    choice = f"use one of {', '.join(RANGES)}"
    if named in RANGES:
        return str(named)
    if named is None:
        report.add(Rule.MISSING_KEY, place / "distribution", "is missing", choice)
    else:
        ours = _OF_OTHERS.get(str(named))
        remedy = f"write {ours}" if ours else did_you_mean(named, RANGES, choice)
        message = f"{named!r} is no distribution that Protein knows"
        report.add(Rule.INVALID_VALUE, place / "distribution", message, remedy)
    return ""


def _number(value: Any, distribution: str, place: Place, report: Report) -> Any:
    """The number in the parameter's own type."""
    number = checked_number(value, place, report)
    if number is None or distribution not in WHOLE:
        return number if number is None else float(number)
    if number % 1:
        remedy = "for real numbers use distribution: uniform"
        report.add(Rule.NOT_A_NUMBER, place, f"must be a whole number for {distribution}, not {value}", remedy)
    elif abs(number) > _LARGEST_WHOLE:
        message = f"must not be beyond 2^53, where JSON's numbers lose digits, not {value}"
        report.add(Rule.BOUND_NOT_TAKEN, place, message)
    return int(number)


def _check_reach(numbers: Mapping[str, Any], distribution: str, place: Place, report: Report) -> None:
    """Whether the scale of the distribution has a place for the bounds."""
    low, high = numbers["min"], numbers["max"]
    if distribution == UNIFORM_POW2:
        for key, number in numbers.items():
            _check_power(number, place / key, report, maybe_exponent=high <= _LARGEST_EXPONENT)
    elif distribution == LOG_NORMAL and low <= 0:
        message = f"must be greater than 0 for {distribution}, which takes its logarithm, not {low:g}"
        report.add(Rule.BOUND_NOT_TAKEN, place / "min", message, "use a small number, or distribution: uniform")
    elif distribution == LOGIT_NORMAL:
        for key in ("min", "max"):
            _check_share(numbers[key], place / key, report)


def _check_power(number: int, place: Place, report: Report, *, maybe_exponent: bool) -> None:
    if number >= 1 and number & (number - 1) == 0:
        return
    below = 1 << (number.bit_length() - 1) if number >= 1 else 0
    nearest = f"write {below} or {below * 2}" if below else "write 1 or more"
    meant = f", or {2**number} if {number} is an exponent" if maybe_exponent and number >= 0 else ""
    message = f"must be a power of two for {UNIFORM_POW2}, not {number}"
    report.add(Rule.BOUND_NOT_TAKEN, place, message, nearest + meant)


def _check_share(number: float, place: Place, report: Report) -> None:
    if 0 < number < 1:
        return
    message = f"must lie between 0 and 1 for {LOGIT_NORMAL}, both left out, not at {number:g}"
    nearest = "0.000001" if number <= 0 else "0.999999"
    report.add(Rule.BOUND_NOT_TAKEN, place, message, f"write {nearest}, which Metta takes instead")


def _scale(value: Any, distribution: str, bounds: tuple[float, float], place: Place, report: Report) -> float:
    """Half the width of the box around a point, in coordinates."""
    low, high = bounds
    if value == "auto":
        return _AUTO
    if value == "time":
        if distribution not in _LOGARITHMS:
            message = f"time stands for half an octave, and {distribution} takes no logarithm"
            report.add(Rule.INVALID_VALUE, place, message, "write auto or a number")
        elif octaves := math.log2(high) - math.log2(low) if low < high else 0:
            return 1 / octaves
        return _AUTO
    if isinstance(value, str) and not as_yaml_number(value):
        message = f"must be a number, auto or time, not {value!r}"
        report.add(Rule.INVALID_VALUE, place, message, did_you_mean(value, ("auto", "time")))
        return _AUTO
    number = checked_number(value, place, report)
    if number is not None and number <= 0:
        report.add(Rule.INVALID_VALUE, place, f"must be greater than 0, not {value}")
    return float(number or _AUTO)
