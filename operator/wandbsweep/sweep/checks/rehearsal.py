"""Renders beforehand every value that is known beforehand, so that what no argument can carry stops no trial.

Sampled numbers can always be rendered; what can fail are listed values, constants, and the names of parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.rendering.macros import (
    LONGEST_ARGUMENT,
    RenderError,
    args_json,
    argument_macros,
    escape_macros,
    render_command,
)
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.wandb_parameters import run_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report

_ANY_NUMBER: Final = 0.5


def rehearse(parameters: tuple[Parameter, ...], command: tuple[str, ...], place: Place, report: Report) -> None:
    """Report the first value of each parameter that the command's macros cannot pass on, and values too long in sum."""
    size = 0
    for parameter in parameters:
        if first := first_failure(parameter, command):
            report.add(Rule.UNRENDERABLE, *first)
        size += max(len(args_json(values)) for _, values in _rehearsed(parameter))
    if size > LONGEST_ARGUMENT:
        report.add(
            Rule.UNRENDERABLE,
            place,
            f"the values of one trial can take {size} bytes, and an argument carries at most {LONGEST_ARGUMENT}",
            "put long values into files and list the names of the files",
        )


def first_failure(parameter: Parameter, command: Sequence[str]) -> tuple[Place, str] | None:
    """The first value of the parameter that the command's macros cannot pass on, by its place, and why."""
    macros = escape_macros(argument_macros(command))
    failures = ((spot, _failure(macros, values)) for spot, values in _rehearsed(parameter))
    return next(((spot, failure) for spot, failure in failures if failure), None)


def _failure(macros: list[str], values: Mapping[str, Any]) -> str | None:
    try:
        render_command(macros, values, args_json_file="")
    except RenderError as error:
        return str(error)
    return None


def _rehearsed(parameter: Parameter) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The values that a run can record for a parameter, each with its place; one number for a whole range."""
    if parameter.values is None:
        yield parameter.place, run_values(parameter, _ANY_NUMBER)
    else:
        for value, place in zip(parameter.values, parameter.value_places, strict=True):
            yield place, run_values(parameter, value)
