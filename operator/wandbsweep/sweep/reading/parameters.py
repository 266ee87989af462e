"""Reads the parameters of a definition, nested ones included, into the one model."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.agile.wrapper import with_floats
from wandbsweep.sweep.parameter import Parameter
from wandbsweep.sweep.problems import kind_of
from wandbsweep.sweep.reading.distributions import COUNTABLE, INT_UNIFORM, WEIGHTED
from wandbsweep.sweep.reading.settings import check_settings, distribution_of
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.sweep.problems import Place, Report

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


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
        check_name(name, place / name, report)
        found_parameters += _read_parameter((*parents, name), body, place / name, report)
    return tuple(found_parameters)


def check_name(name: str, place: Place, report: Report) -> None:
    """Whether W&B takes the name for a parameter's."""
    if not _NAME.fullmatch(name):
        message = "a parameter's name may hold letters, digits and _ . - after a letter or _"
        report.add(Rule.PARAMETER_NAME, place, message)


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
    before = len(report.errors)
    body = with_floats(body, place, report)
    distribution = distribution_of(body, place, report)
    if distribution is None:
        return ()
    check_settings(body, distribution, place, report)
    if len(report.errors) > before:
        return ()
    settings = {key: value for key, value in body.items() if key != "distribution"}
    return (Parameter(path, distribution, settings, place, implied="distribution" not in body),)


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


def check_bayes(parameters: tuple[Parameter, ...], report: Report) -> None:
    """The model that bayes asks for the next values is one of numbers and of equal choices."""
    for parameter in parameters:
        if parameter.distribution == WEIGHTED:
            message = "bayes cannot propose values that have probabilities: no run would start"
            remedy = "remove probabilities, or use method random"
            report.add(Rule.BAYES_OVER_PROBABILITIES, parameter.place / "probabilities", message, remedy)


def warn_of_whole_bounds(parameters: Iterable[Parameter], report: Report) -> None:
    """JSON from Kubernetes cannot tell 1.0 from 1, so W&B may draw whole numbers where reals were meant."""
    for parameter in parameters:
        if parameter.distribution == INT_UNIFORM and parameter.implied:
            report.add(
                Rule.WHOLE_NUMBER_BOUNDS,
                parameter.place,
                "min and max are whole numbers, so W&B draws whole numbers only (Kubernetes stores 1.0 as 1)",
                "say distribution: int_uniform or distribution: uniform",
            )
