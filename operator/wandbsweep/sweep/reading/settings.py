"""What the settings of one parameter say in W&B's form: its distribution, and whether they make sense for it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.problems import Place, Report, did_you_mean, kind_of
from wandbsweep.sweep.reading.distributions import (
    CATEGORICAL,
    CONSTANT,
    DISTRIBUTIONS,
    INT_UNIFORM,
    UNIFORM,
    WEIGHTED,
    Distribution,
)
from wandbsweep.sweep.rendering.scaling import BASE_ENDING, TARGET_ENDING
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.numbers import checked_number, warn_of_numbers_as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANGE: Final = ("min", "max")
_LARGEST_EXPONENT: Final = math.log(1.7e308)
_LARGE_EXPONENT: Final = 30
"""e^30 is 1e13."""
_SMALL_VALUE: Final = 0.5
"""As an exponent the logarithm of 1.6, a strange place for a range to begin."""


def distribution_of(body: Mapping[str, Any], place: Place, report: Report) -> str | None:
    """The distribution that is named, or that W&B takes for such settings."""
    if "distribution" in body:
        named = body["distribution"]
        if isinstance(named, str) and named in DISTRIBUTIONS:
            return named
        remedy = did_you_mean(named, DISTRIBUTIONS, f"use one of {', '.join(DISTRIBUTIONS)}")
        message = f"{named!r} is no distribution that W&B knows"
        report.add(Rule.INVALID_VALUE, place / "distribution", message, remedy)
    elif "values" in body:
        return WEIGHTED if "probabilities" in body else CATEGORICAL
    elif "value" in body:
        return CONSTANT
    elif "min" in body or "max" in body:
        bounds = [body[key] for key in ("min", "max") if key in body]
        return UNIFORM if any(isinstance(bound, float) for bound in bounds) else INT_UNIFORM
    elif body and all(isinstance(item, dict) for item in body.values()):
        remedy = "put them under a key parameters: of their own"
        report.add(Rule.MISSING_KEY, place, "looks like a group of parameters", remedy)
    else:
        needed = "mu, sigma, a, b and q need a distribution" if body.keys() & {"mu", "sigma", "a", "b", "q"} else ""
        message = f"says not what to try{needed and f' ({needed})'}"
        report.add(Rule.MISSING_KEY, place, message, "give value, values, or min and max")
    return None


def check_settings(body: Mapping[str, Any], name: str, place: Place, report: Report) -> None:
    """Settings that are missing, unknown to the distribution, or out of its reach."""
    distribution = DISTRIBUTIONS[name]
    implied = "" if "distribution" in body else " (implied by the settings given)"
    for key in distribution.needs:
        if key not in body:
            remedy = f"distribution {name}{implied} needs {_listed(distribution.needs)}"
            report.add(Rule.MISSING_KEY, place / key, "is missing", remedy)
    for key in (key for key in body if key not in ("distribution", *distribution.settings)):
        takes = f"it takes {_listed(distribution.settings)}"
        if key.endswith((TARGET_ENDING, BASE_ENDING)):
            takes = "a scaled dictionary can only stand at the top of the parameters"
        remedy = did_you_mean(key, distribution.settings, takes)
        if {"values", *_RANGE} >= {key, *distribution.needs}:
            remedy = "give either values, or min and max"
        report.add(Rule.UNKNOWN_KEY, place / key, f"distribution {name}{implied} has no such setting", remedy)
    if "values" in distribution.needs:
        _check_values(body, place, report)
    elif name != CONSTANT:
        _check_numbers(body, distribution, name, place, report)
    else:
        warn_of_numbers_as_text(body.get("value"), place / "value", report)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(names)


def _check_values(body: Mapping[str, Any], place: Place, report: Report) -> None:
    values = body.get("values", [None])
    if not isinstance(values, list):
        remedy = f"write [{json.dumps(values)}]"
        report.add(Rule.WRONG_KIND, place / "values", f"must be a list, not {kind_of(values)}", remedy)
        return
    if not values:
        report.add(Rule.EMPTY, place / "values", "is empty", "give at least one value")
    warn_of_numbers_as_text(values, place / "values", report)
    if "probabilities" in body:
        _check_probabilities(body["probabilities"], len(values), place / "probabilities", report)


def _check_probabilities(probabilities: Any, count: int, place: Place, report: Report) -> None:
    if not isinstance(probabilities, list) or len(probabilities) != count:
        report.add(Rule.INVALID_VALUE, place, f"must be a list of {count} numbers, one for each of values")
        return
    numbers = [checked_number(item, place / index, report) for index, item in enumerate(probabilities)]
    known = [number for number in numbers if number is not None]
    if len(known) == count and any(number < 0 for number in known):
        report.add(Rule.INVALID_VALUE, place, "must not be negative")
    elif len(known) == count and not math.isclose(sum(known), 1, rel_tol=1e-5):
        report.add(Rule.INVALID_VALUE, place, f"must add up to 1, not {sum(known):g}")


def _check_numbers(
    body: Mapping[str, Any], distribution: Distribution, name: str, place: Place, report: Report
) -> None:
    numbers = {
        key: checked_number(body[key], place / key, report, whole=distribution.whole)
        for key in distribution.settings
        if key in body
    }
    low, high = numbers.get("min"), numbers.get("max")
    if low is not None and high is not None and low >= high:
        remedy = "swap them" if low > high else f"for a constant write {{value: {body['min']}}}"
        report.add(Rule.MIN_ABOVE_MAX, place, f"min {body['min']} must be less than max {body['max']}", remedy)
    if distribution.positive and low is not None and low <= 0:
        message = f"must be greater than 0 for {name}, which takes its logarithm, not {body['min']}"
        report.add(Rule.BOUND_NOT_TAKEN, place / "min", message)
    if distribution.exponents:
        _check_exponents(low, high, name, place, report)
    for key, number in numbers.items():
        if number is None:
            continue
        if key == "q" and number <= 0:
            report.add(Rule.INVALID_VALUE, place / key, f"must be greater than 0, not {body[key]}")
        elif key in ("sigma", "a", "b") and number < 0:
            report.add(Rule.INVALID_VALUE, place / key, f"must not be negative, not {body[key]}")


def _check_exponents(low: float | None, high: float | None, name: str, place: Place, report: Report) -> None:
    values = f"{name}_values"
    if low is None or high is None:
        return
    if max(abs(low), abs(high)) > _LARGEST_EXPONENT:
        message = f"{name} takes exponents of e, and e^{max(low, high):g} is out of range"
        report.add(Rule.BOUND_NOT_TAKEN, place, message, f"use {values}")
    elif _look_like_values(low, high):
        spread = f"{math.exp(low):.5g} to {math.exp(high):.5g}"
        message = f"{name} takes exponents of e, so this draws from {spread}"
        report.add(Rule.LOG_UNIFORM_EXPONENTS, place, message, f"use {values} for plain bounds")


def _look_like_values(low: float, high: float) -> bool:
    """Whether nobody would mean these bounds as exponents of e."""
    hardly_a_range = low >= 0 and high <= 1  # from 1 to 2.7 at most
    beyond_all_settings = high > _LARGE_EXPONENT
    return hardly_a_range or beyond_all_settings or 0 < low < _SMALL_VALUE
