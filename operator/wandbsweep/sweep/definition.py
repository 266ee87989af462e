"""A sweep definition, read: what W&B is to search, or every reason why this is not one.

All that comes later (the configuration sent to W&B, the server's own checks, the command line) works on
`SweepDefinition` and never looks into the user's text again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from wandbsweep.sweep.command import read_command
from wandbsweep.sweep.document import read_document
from wandbsweep.sweep.keys import check_keys
from wandbsweep.sweep.numbers_in_yaml import is_number
from wandbsweep.sweep.objective import check_early_terminate, read_metric
from wandbsweep.sweep.parameters import check_grid, read_parameters, warn_of_whole_bounds
from wandbsweep.sweep.problems import Finding, InvalidSweepError, Place, Report, did_you_mean
from wandbsweep.sweep.rehearsal import rehearse
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.parameter import Parameter

__all__ = ["METHODS", "InvalidSweepError", "SweepDefinition", "read_definition"]

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
    warnings: tuple[Finding, ...]


def read_definition(source: str | Mapping[str, Any], *, field: str) -> SweepDefinition:
    """Read a definition from YAML text, or from an object that came through the API server.

    Args:
        source: the text of a sweep.yaml, or the mapping under spec.sweep.
        field: where it stands, as messages should name it: `spec.sweep`, `ConfigMap anymal/sweep.yaml`.

    Raises:
        InvalidSweepError: it cannot be used; all findings are listed, warnings included, each with its remedy.
    """
    place = Place(field, joint=": ") if isinstance(source, str) else Place(field)
    config = read_document(source, place)
    report = Report()
    check_keys(config, place, report)
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
        warnings=report.warnings,
    )
    if report.errors:
        raise InvalidSweepError(report.findings)
    return definition


def _read_method(config: Mapping[str, Any], place: Place, report: Report) -> str:
    method = config.get("method")
    choice = f"use {', '.join(METHODS[:-1])} or {METHODS[-1]}"
    if method in METHODS:
        return str(method)
    if method is None:
        report.add(Rule.MISSING_KEY, place / "method", "is missing", choice)
    else:
        remedy = did_you_mean(method, METHODS, choice)
        report.add(Rule.INVALID_VALUE, place / "method", f"{method!r} is no search method", remedy)
    return ""


def _read_run_cap(config: Mapping[str, Any], place: Place, report: Report) -> int | None:
    if "run_cap" not in config:
        return None
    cap = config["run_cap"]
    if is_number(cap) and cap > 0 and cap % 1 == 0:
        return int(cap)
    message = f"must be a whole number above 0, not {cap!r}"
    report.add(Rule.INVALID_VALUE, place / "run_cap", message, "leave it out for no limit")
    return None
