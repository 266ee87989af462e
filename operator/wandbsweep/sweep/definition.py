"""A sweep definition, read: what W&B is to search, or every reason why this is not one.

All that comes later (the configuration sent to W&B, the server's own checks, the command line) works on
`SweepDefinition` and never looks into the user's text again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from wandbsweep.sweep.command import read_command
from wandbsweep.sweep.document import read_document
from wandbsweep.sweep.numbers_in_yaml import is_number
from wandbsweep.sweep.objective import check_early_terminate, read_metric
from wandbsweep.sweep.parameters import Parameter, check_grid, read_parameters, warn_of_whole_bounds
from wandbsweep.sweep.problems import InvalidSweepError, Place, Problem, Report, did_you_mean, kind_of
from wandbsweep.sweep.rehearsal import rehearse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["METHODS", "InvalidSweepError", "Problem", "SweepDefinition", "read_definition"]

METHODS: Final = ("grid", "random", "bayes")


@dataclass(frozen=True)
class SweepDefinition:
    """One sweep, checked. `config` is what the user wrote; the other fields are what it means."""

    config: Mapping[str, Any]
    method: str
    metric_name: str | None
    metric_goal: Literal["minimize", "maximize"]
    entity: str | None
    project: str | None
    run_cap: int | None
    program: str | None
    command: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    warnings: tuple[str, ...]


def read_definition(source: str | Mapping[str, Any], *, field: str) -> SweepDefinition:
    """Read a definition from YAML text, or from an object that came through the API server.

    Args:
        source: the text of a sweep.yaml, or the mapping under spec.sweep.
        field: where it stands, as messages should name it: `spec.sweep`, `ConfigMap anymal/sweep.yaml`.

    Raises:
        InvalidSweepError: it cannot be used; all mistakes are listed, each with its remedy.
    """
    place = Place(field, joint=": ") if isinstance(source, str) else Place(field)
    config = read_document(source, place)
    report = Report()
    _check_keys(config, place, report)
    method = _read_method(config, place, report)
    metric_name, metric_goal = read_metric(config, method, place, report)
    check_early_terminate(config, place, report)
    parameters = read_parameters(config.get("parameters"), place / "parameters", report)
    if method == "grid":
        check_grid(parameters, report)
    if not isinstance(source, str):
        warn_of_whole_bounds(parameters, report)
    command = read_command(config, place, report)
    rehearse(parameters, command, place / "parameters", report)
    definition = SweepDefinition(
        config=config,
        method=method,
        metric_name=metric_name,
        metric_goal=metric_goal,
        entity=config.get("entity") or None,
        project=config.get("project") or None,
        run_cap=_read_run_cap(config, place, report),
        program=config.get("program") or None,
        command=command,
        parameters=parameters,
        warnings=tuple(report.warnings),
    )
    if report.problems:
        raise InvalidSweepError(report.problems)
    return definition


def _read_method(config: Mapping[str, Any], place: Place, report: Report) -> str:
    method = config.get("method")
    choice = f"use {', '.join(METHODS[:-1])} or {METHODS[-1]}"
    if method in METHODS:
        return str(method)
    if method is None:
        report.problem(place / "method", f"is missing; {choice}")
    else:
        hint = did_you_mean(method, METHODS) or f"; {choice}"
        report.problem(place / "method", f"{method!r} is no search method{hint}")
    return ""


def _read_run_cap(config: Mapping[str, Any], place: Place, report: Report) -> int | None:
    if "run_cap" not in config:
        return None
    cap = config["run_cap"]
    if is_number(cap) and cap > 0 and cap % 1 == 0:
        return int(cap)
    report.problem(place / "run_cap", f"must be a whole number above 0, not {cap!r}; leave it out for no limit")
    return None


def _check_text(value: Any, place: Place, report: Report) -> None:
    if not isinstance(value, str):
        report.problem(place, f"must be text, not {kind_of(value)}" + ("; remove the key" if value is None else ""))


def _check_kind(value: Any, place: Place, report: Report) -> None:
    if value != "sweep":
        report.problem(place, f"must be 'sweep' or be left out, not {value!r}")


def _check_controller(value: Any, place: Place, report: Report) -> None:
    if not isinstance(value, dict) or value.get("type") != "cloud":
        report.problem(
            place, "only type: cloud works here, since no local controller runs beside the agents; remove it"
        )


def _refuse(remedy: str) -> Callable[[Any, Place, Report], None]:
    return lambda _value, place, report: report.problem(place, remedy)


def _accept(_value: Any, _place: Place, _report: Report) -> None:
    """For keys that have a reader of their own."""


_KEYS: Final[Mapping[str, Callable[[Any, Place, Report], None]]] = {
    "method": _accept,
    "parameters": _accept,
    "metric": _accept,
    "command": _accept,
    "early_terminate": _accept,
    "run_cap": _accept,
    "program": _check_text,
    "name": _check_text,
    "description": _check_text,
    "entity": _check_text,
    "project": _check_text,
    "apiVersion": _check_text,
    "job": _check_text,
    "image_uri": _check_text,
    "kind": _check_kind,
    "controller": _check_controller,
    "metrics": _refuse("searching for several metrics is not supported; name one under metric"),
    "scheduler": _refuse("a scheduler of one's own is not supported; remove it and use method grid, random or bayes"),
}


def _check_keys(config: Mapping[str, Any], place: Place, report: Report) -> None:
    for key, value in config.items():
        if key in _KEYS:
            _KEYS[key](value, place / key, report)
        else:
            hint = did_you_mean(key, _KEYS) or "; remove it"
            report.problem(place / key, f"W&B knows no such key{hint}")
