"""Reads parameters in W&B's form: the distribution of each, and whether its settings make sense."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.distributions import (
    CATEGORICAL,
    CONSTANT,
    COUNTABLE,
    DISTRIBUTIONS,
    INT_UNIFORM,
    UNIFORM,
    WEIGHTED,
    Distribution,
)
from wandbsweep.sweep.numbers_in_yaml import as_yaml_number, checked_number
from wandbsweep.sweep.parameter import Parameter
from wandbsweep.sweep.problems import Place, Report, did_you_mean, kind_of
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LARGEST_EXPONENT: Final = math.log(1.7e308)


def read_parameters(section: Any, place: Place, report: Report, parents: tuple[str, ...] = ()) -> tuple[Parameter, ...]:
    """The parameters of a section, nested ones included; what is wrong with them goes into the report."""
    if not isinstance(section, dict) or not section:
        remedy = "name at least one parameter, for example lr: {values: [0.001, 0.0001]}"
        if section:
            report.add(Rule.WRONG_KIND, place, f"must be a mapping, not {kind_of(section)}", remedy)
        else:
            report.add(Rule.MISSING_KEY, place, "is missing", remedy)
        return ()
    found_parameters: list[Parameter] = []
    for name, body in section.items():
        if not _NAME.fullmatch(name):
            message = "a parameter's name may hold letters, digits and _ . - after a letter or _"
            report.add(Rule.PARAMETER_NAME, place / name, message)
        found_parameters += _read_parameter((*parents, name), body, place / name, report)
    return tuple(found_parameters)


def _read_parameter(path: tuple[str, ...], body: Any, place: Place, report: Report) -> tuple[Parameter, ...]:
    if not isinstance(body, dict):
        key = "values" if isinstance(body, list) else "value"
        remedy = f"write {{{key}: {json.dumps(body)}}}"
        report.add(Rule.WRONG_KIND, place, f"must be a mapping, not {kind_of(body)}", remedy)
        return ()
    if "parameters" in body:
        for key in (key for key in body if key != "parameters"):
            report.add(Rule.UNKNOWN_KEY, place / key, "cannot stand beside nested parameters", "move it or remove it")
        return read_parameters(body["parameters"], place / "parameters", report, path)
    distribution = _distribution_of(body, place, report)
    if distribution is None:
        return ()
    before = len(report.errors)
    _check_settings(body, distribution, place, report)
    if len(report.errors) > before:
        return ()
    settings = {key: value for key, value in body.items() if key != "distribution"}
    return (Parameter(path, distribution, settings, place, implied="distribution" not in body),)


def _distribution_of(body: Mapping[str, Any], place: Place, report: Report) -> str | None:
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


def _check_settings(body: Mapping[str, Any], name: str, place: Place, report: Report) -> None:
    distribution = DISTRIBUTIONS[name]
    implied = "" if "distribution" in body else " (implied by the settings given)"
    for key in distribution.needs:
        if key not in body:
            remedy = f"distribution {name}{implied} needs {_listed(distribution.needs)}"
            report.add(Rule.MISSING_KEY, place / key, "is missing", remedy)
    for key in (key for key in body if key not in ("distribution", *distribution.settings)):
        remedy = did_you_mean(key, distribution.settings, f"it takes {_listed(distribution.settings)}")
        report.add(Rule.UNKNOWN_KEY, place / key, f"distribution {name}{implied} has no such setting", remedy)
    if "values" in distribution.needs:
        _check_values(body, place, report)
    elif name != CONSTANT:
        _check_numbers(body, distribution, name, place, report)
    else:
        _warn_of_number_as_text(body.get("value"), place / "value", report)


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
    for index, value in enumerate(values):
        _warn_of_number_as_text(value, place / "values" / index, report)
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


def _warn_of_number_as_text(value: Any, place: Place, report: Report) -> None:
    if isinstance(value, str) and (number := as_yaml_number(value)):
        message = f"{value!r} is text and reaches the program as text"
        report.add(Rule.NUMBER_AS_TEXT, place, message, f"for a number write {number}")


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
    else:
        spread = f"{math.exp(low):.4g} to {math.exp(high):.4g}"
        message = f"{name} takes exponents of e, so this draws from {spread}"
        report.add(Rule.LOG_UNIFORM_EXPONENTS, place, message, f"use {values} for plain bounds")


def check_grid(parameters: tuple[Parameter, ...], report: Report) -> None:
    """A grid goes through points: ranges of real numbers and probabilities have none."""
    for parameter in parameters:
        if parameter.distribution == WEIGHTED:
            message = "a grid tries every value once, whatever its probability"
            report.add(Rule.GRID_OVER_RANGE, parameter.place / "probabilities", message, "remove probabilities")
        elif parameter.distribution not in COUNTABLE:
            report.add(
                Rule.GRID_OVER_RANGE,
                parameter.place,
                f"a grid cannot go through distribution {parameter.distribution}",
                "list values, or use method random or bayes",
            )


def warn_of_whole_bounds(parameters: tuple[Parameter, ...], report: Report) -> None:
    """JSON from Kubernetes cannot tell 1.0 from 1, so W&B may draw whole numbers where reals were meant."""
    for parameter in parameters:
        if parameter.distribution == INT_UNIFORM and parameter.implied:
            report.add(
                Rule.WHOLE_NUMBER_BOUNDS,
                parameter.place,
                "min and max are whole numbers, so W&B draws whole numbers only (Kubernetes stores 1.0 as 1)",
                "say distribution: int_uniform or distribution: uniform",
            )
