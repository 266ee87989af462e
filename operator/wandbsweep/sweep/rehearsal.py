"""Renders beforehand every value that is known beforehand, so that what no argument can carry stops no trial.

Sampled numbers can always be rendered; what can fail are listed values, constants, and the names of parameters.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.distributions import CATEGORICAL, CONSTANT, WEIGHTED
from wandbsweep.sweep.rendering import LONGEST_ARGUMENT, RenderError, escape_macros, render_command
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report

_ANY_NUMBER: Final = 0.5


def rehearse(parameters: tuple[Parameter, ...], command: tuple[str, ...], place: Place, report: Report) -> None:
    """Report the first value of each parameter that the command's macros cannot pass on, and values too long in sum."""
    macros = [hidden for word, hidden in zip(command, escape_macros(command), strict=True) if word != hidden]
    for parameter in parameters:
        failures = ((spot, _failure(macros, parameter.path, value)) for spot, value in _known_values(parameter))
        first = next(((spot, failure) for spot, failure in failures if failure), None)
        if first:
            report.add(Rule.UNRENDERABLE, *first)
    size = sum(max(len(_as_json(p.path, value)) for _, value in _known_values(p)) for p in parameters)
    if size > LONGEST_ARGUMENT:
        report.add(
            Rule.UNRENDERABLE,
            place,
            f"the values of one trial can take {size} bytes, and an argument carries at most {LONGEST_ARGUMENT}",
            "put long values into files and list the names of the files",
        )


def _failure(macros: list[str], path: tuple[str, ...], value: Any) -> str | None:
    try:
        render_command(macros, _nested(path, value), args_json_file="")
    except RenderError as error:
        return str(error)
    return None


def _known_values(parameter: Parameter) -> Iterator[tuple[Place, Any]]:
    if parameter.distribution == CONSTANT:
        yield parameter.place / "value", parameter.settings["value"]
    elif parameter.distribution in (CATEGORICAL, WEIGHTED):
        for index, value in enumerate(parameter.settings["values"]):
            yield parameter.place / "values" / index, value
    else:
        yield parameter.place, _ANY_NUMBER


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """As it reaches the trial: nested parameters arrive as one mapping under the outermost name."""
    for name in reversed(path[1:]):
        value = {name: value}
    return {path[0]: value}


def _as_json(path: tuple[str, ...], value: Any) -> str:
    return json.dumps(_nested(path, value))
