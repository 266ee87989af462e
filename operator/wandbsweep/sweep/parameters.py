"""The parameters of a sweep: one model whatever the form they were written in, and the checks that lead to it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
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
from wandbsweep.sweep.problems import Place, Report, did_you_mean, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LARGEST_EXPONENT: Final = math.log(1.7e308)


@dataclass(frozen=True)
class Parameter:
    """One parameter to sweep over. Its path has several names where parameters are nested."""

    path: tuple[str, ...]
    distribution: str
    settings: Mapping[str, Any]
    place: Place
    implied: bool
    """The user named no distribution: W&B infers it from the settings."""


def read_parameters(section: Any, place: Place, report: Report, parents: tuple[str, ...] = ()) -> tuple[Parameter, ...]:
    """The parameters of a section, nested ones included; what is wrong with them goes into the report."""
    if not isinstance(section, dict) or not section:
        found = "is missing" if not section else f"must be a mapping, not {kind_of(section)}"
        report.problem(place, f"{found}; name at least one parameter, for example lr: {{values: [0.001, 0.0001]}}")
        return ()
    found_parameters: list[Parameter] = []
    for name, body in section.items():
        if not _NAME.fullmatch(name):
            report.problem(place / name, "a parameter's name may hold letters, digits and _ . - after a letter or _")
        found_parameters += _read_parameter((*parents, name), body, place / name, report)
    return tuple(found_parameters)


def _read_parameter(path: tuple[str, ...], body: Any, place: Place, report: Report) -> tuple[Parameter, ...]:
    if not isinstance(body, dict):
        key = "values" if isinstance(body, list) else "value"
        report.problem(place, f"must be a mapping, not {kind_of(body)}; write {{{key}: {json.dumps(body)}}}")
        return ()
    if "parameters" in body:
        for key in (key for key in body if key != "parameters"):
            report.problem(place / key, "cannot stand beside nested parameters; move it or remove it")
        return read_parameters(body["parameters"], place / "parameters", report, path)
    distribution = _distribution_of(body, place, report)
    if distribution is None:
        return ()
    before = len(report.problems)
    _check_settings(body, distribution, place, report)
    if len(report.problems) > before:
        return ()
    settings = {key: value for key, value in body.items() if key != "distribution"}
    return (Parameter(path, distribution, settings, place, implied="distribution" not in body),)


def _distribution_of(body: Mapping[str, Any], place: Place, report: Report) -> str | None:
    """The distribution that is named, or that W&B takes for such settings."""
    if "distribution" in body:
        named = body["distribution"]
        if isinstance(named, str) and named in DISTRIBUTIONS:
            return named
        hint = did_you_mean(named, DISTRIBUTIONS) or f"; use one of {', '.join(DISTRIBUTIONS)}"
        report.problem(place / "distribution", f"{named!r} is no distribution that W&B knows{hint}")
    elif "values" in body:
        return WEIGHTED if "probabilities" in body else CATEGORICAL
    elif "value" in body:
        return CONSTANT
    elif "min" in body or "max" in body:
        bounds = [body[key] for key in ("min", "max") if key in body]
        return UNIFORM if any(isinstance(bound, float) for bound in bounds) else INT_UNIFORM
    elif body and all(isinstance(item, dict) for item in body.values()):
        report.problem(place, "looks like a group of parameters; put them under a key parameters: of their own")
    else:
        needed = "mu, sigma, a, b and q need a distribution" if body.keys() & {"mu", "sigma", "a", "b", "q"} else ""
        report.problem(place, f"says not what to try{needed and f' ({needed})'}; give value, values, or min and max")
    return None


def _check_settings(body: Mapping[str, Any], name: str, place: Place, report: Report) -> None:
    distribution = DISTRIBUTIONS[name]
    implied = "" if "distribution" in body else " (implied by the settings given)"
    for key in distribution.needs:
        if key not in body:
            report.problem(place / key, f"is missing; distribution {name}{implied} needs {_listed(distribution.needs)}")
    for key in (key for key in body if key not in ("distribution", *distribution.settings)):
        hint = did_you_mean(key, distribution.settings) or f"; it takes {_listed(distribution.settings)}"
        report.problem(place / key, f"distribution {name}{implied} has no such setting{hint}")
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
        report.problem(place / "values", f"must be a list, not {kind_of(values)}; write [{json.dumps(values)}]")
        return
    if not values:
        report.problem(place / "values", "is empty; give at least one value")
    for index, value in enumerate(values):
        _warn_of_number_as_text(value, place / "values" / index, report)
    if "probabilities" in body:
        _check_probabilities(body["probabilities"], len(values), place / "probabilities", report)


def _check_probabilities(probabilities: Any, count: int, place: Place, report: Report) -> None:
    if not isinstance(probabilities, list) or len(probabilities) != count:
        report.problem(place, f"must be a list of {count} numbers, one for each of values")
        return
    numbers = [checked_number(item, place / index, report) for index, item in enumerate(probabilities)]
    known = [number for number in numbers if number is not None]
    if len(known) == count and any(number < 0 for number in known):
        report.problem(place, "must not be negative")
    elif len(known) == count and not math.isclose(sum(known), 1, rel_tol=1e-5):
        report.problem(place, f"must add up to 1, not {sum(known):g}")


def _warn_of_number_as_text(value: Any, place: Place, report: Report) -> None:
    if isinstance(value, str) and (number := as_yaml_number(value)):
        report.warn(place, f"{value!r} is text and reaches the program as text; for a number write {number}")


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
        report.problem(place, f"min {body['min']} must be less than max {body['max']}; {remedy}")
    if distribution.positive and low is not None and low <= 0:
        report.problem(
            place / "min", f"must be greater than 0 for {name}, which takes its logarithm; not {body['min']}"
        )
    if distribution.exponents:
        _check_exponents(low, high, name, place, report)
    for key, number in numbers.items():
        if number is None:
            continue
        if key == "q" and number <= 0:
            report.problem(place / key, f"must be greater than 0, not {body[key]}")
        elif key in ("sigma", "a", "b") and number < 0:
            report.problem(place / key, f"must not be negative, not {body[key]}")


def _check_exponents(low: float | None, high: float | None, name: str, place: Place, report: Report) -> None:
    values = f"{name}_values"
    if low is None or high is None:
        return
    if max(abs(low), abs(high)) > _LARGEST_EXPONENT:
        report.problem(place, f"{name} takes exponents of e, and e^{max(low, high):g} is out of range; use {values}")
    else:
        spread = f"{math.exp(low):.4g} to {math.exp(high):.4g}"
        report.warn(place, f"{name} takes exponents of e, so this draws from {spread}; use {values} for plain bounds")


def check_grid(parameters: tuple[Parameter, ...], report: Report) -> None:
    """A grid goes through points: ranges of real numbers and probabilities have none."""
    for parameter in parameters:
        if parameter.distribution == WEIGHTED:
            report.problem(parameter.place / "probabilities", "a grid tries every value once; remove probabilities")
        elif parameter.distribution not in COUNTABLE:
            report.problem(
                parameter.place,
                f"a grid cannot go through distribution {parameter.distribution}; "
                "list values, or use method random or bayes",
            )


def warn_of_whole_bounds(parameters: tuple[Parameter, ...], report: Report) -> None:
    """JSON from Kubernetes cannot tell 1.0 from 1, so W&B may draw whole numbers where reals were meant."""
    for parameter in parameters:
        if parameter.distribution == INT_UNIFORM and parameter.implied:
            report.warn(
                parameter.place,
                "min and max are whole numbers, so W&B draws whole numbers only (Kubernetes stores 1.0 as 1); "
                "say distribution: int_uniform or distribution: uniform",
            )
