"""A sweep definition, read: what W&B is to search, or every reason why this is not one.

All that comes later (the configuration sent to W&B, the server's own checks, the command line) works on
`SweepDefinition` and never looks into the user's text again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from wandbsweep.sweep.agile.scaled import read_scaled_parameters
from wandbsweep.sweep.agile.wrapper import without_wrapper
from wandbsweep.sweep.checks.base_config import check_parameters, check_use
from wandbsweep.sweep.checks.fixed_arguments import check_arguments
from wandbsweep.sweep.checks.rehearsal import rehearse
from wandbsweep.sweep.problems import Finding, InvalidSweepError, Place, Report, did_you_mean
from wandbsweep.sweep.protein.parameters import read_protein_parameters
from wandbsweep.sweep.protein.settings import PROTEIN, ProteinSettings, read_protein
from wandbsweep.sweep.reading.base_config import BaseConfig, read_base_config
from wandbsweep.sweep.reading.command import read_command
from wandbsweep.sweep.reading.dialects import in_one_shape
from wandbsweep.sweep.reading.keys import check_keys
from wandbsweep.sweep.reading.objective import check_early_terminate, read_metric
from wandbsweep.sweep.reading.parameters import check_bayes, check_grid, read_parameters, warn_of_whole_bounds
from wandbsweep.sweep.reading.scheduler import (
    CUSTOM,
    SCHEDULER,
    Scheduler,
    check_distributions,
    draws_itself,
    read_scheduler,
)
from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.scan.in_kubernetes import check_order
from wandbsweep.sweep.scan.reading import read_scan
from wandbsweep.sweep.scan.trials import read_trials
from wandbsweep.sweep.stages.settings import STAGES, Stage, read_stages
from wandbsweep.sweep.texts.document import read_document
from wandbsweep.sweep.texts.numbers import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.rendering.cell import Cell

__all__ = ["METHODS", "InvalidSweepError", "SweepDefinition", "read_definition"]

METHODS: Final = ("grid", "random", "bayes", PROTEIN, SCAN, STAGES)

_NONE_AT_HAND: Final[Mapping[tuple[str, str], str]] = MappingProxyType({})


@dataclass(frozen=True)
class SweepDefinition:
    """One sweep, checked. `config` is what the user wrote, in our shape; the other fields are what it means."""

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
    base_config: BaseConfig | None
    """What the trial's file behind `${config_json_file}` begins with."""
    trials: tuple[Cell, ...]
    """Of a scan, in their order; none where its base_config is in a ConfigMap that is not at hand."""
    protein: ProteinSettings | None
    """How Protein searches, where the method is protein."""
    scheduler: Scheduler | None
    """Who searches beside W&B's server, where the definition names somebody."""
    stages: tuple[Stage, ...]
    """The searches that follow each other, where the method is stages."""
    warnings: tuple[Finding, ...]


def read_definition(
    source: str | Mapping[str, Any], *, field: str, config_maps: Mapping[tuple[str, str], str] = _NONE_AT_HAND
) -> SweepDefinition:
    """Read a definition from YAML text, or from an object that came through the API server.

    Args:
        source: the text of a sweep.yaml, or the mapping under spec.sweep.
        field: where it stands, as messages should name it: `spec.sweep`, `ConfigMap anymal/sweep.yaml`.
        config_maps: the texts of ConfigMaps that are at hand, by name and key, for base_config.

    Raises:
        InvalidSweepError: it cannot be used; all findings are listed, warnings included, each with its remedy.
    """
    place = Place(field, joint=": ") if isinstance(source, str) else Place(field)
    report = Report()
    config, place = in_one_shape(read_document(source, place, report), place, report)
    check_keys(config, place, report)
    method = _read_method(config, place, report)
    metric_name, metric_goal = read_metric(config, method, place, report)
    check_early_terminate(config, place, report)
    base_config = read_base_config(config, config_maps, place, report)
    scheduler = read_scheduler(config, place, report)
    parameters, trials = _read_search(config, method, base_config, place, report)
    if scheduler:
        check_distributions(parameters, scheduler, report)
    stages = read_stages(config, parameters, place, report)
    given = [parameters, *(stage.own for stage in stages)]
    if not isinstance(source, str):
        warn_of_whole_bounds(chain.from_iterable(given), report)
        check_order(config.get("parameters"), parameters, place / "parameters", report)
    words = read_command(config, place, report)
    program, command = without_wrapper(_text(config, "program"), words, written=bool(config.get("command")))
    check_use(base_config, config, command, place, report)
    for each in given:
        rehearse(each, command, place / "parameters", report)
    check_arguments(parameters, command, program, place, report)
    definition = SweepDefinition(
        config=config,
        method=method,
        metric_name=metric_name,
        metric_goal=metric_goal,
        entity=config.get("entity") or None,
        project=config.get("project") or None,
        run_cap=_read_run_cap(config, place, report),
        program=program,
        command=command,
        parameters=parameters,
        base_config=base_config,
        trials=trials,
        protein=read_protein(config, place, report) if method == PROTEIN else None,
        scheduler=scheduler,
        stages=stages,
        warnings=report.warnings,
    )
    if report.errors:
        raise InvalidSweepError(report.findings)
    return definition


def _read_search(
    config: Mapping[str, Any], method: str, base: BaseConfig | None, place: Place, report: Report
) -> tuple[tuple[Parameter, ...], tuple[Cell, ...]]:
    """The parameters, and the trials where the method has them all beforehand."""
    before = len(report.errors)
    section, spot = config.get("parameters"), place / "parameters"
    if method == SCAN:
        parameters = read_scan(section, spot, report)
        sound = len(report.errors) == before
        return parameters, read_trials(parameters, base, config, place, report) if sound else ()
    if section is None and draws_itself(config):
        return (), ()
    read = read_protein_parameters if method == PROTEIN else read_parameters
    parameters = read_scaled_parameters(read, section, spot, report)
    if method == "grid":
        check_grid(parameters, report)
    if method == "bayes":
        check_bayes(parameters, report)
    if base:
        check_parameters(base, parameters, report)
    return parameters, ()


def _read_method(config: Mapping[str, Any], place: Place, report: Report) -> str:
    method = config.get("method")
    choice = f"use {', '.join(METHODS[:-1])} or {METHODS[-1]}"
    if method in METHODS or (method == CUSTOM and SCHEDULER in config):
        return str(method)
    if method == CUSTOM:
        choice = f"say who searches, such as scheduler: {{engine: optuna}}, or {choice}"
        report.add(Rule.MISSING_KEY, place / SCHEDULER, "is missing, and W&B does not search by method custom", choice)
        return ""
    if method is None:
        report.add(Rule.MISSING_KEY, place / "method", "is missing", choice)
    else:
        remedy = did_you_mean(method, METHODS, choice)
        report.add(Rule.INVALID_VALUE, place / "method", f"{method!r} is no search method", remedy)
    return ""


def _text(config: Mapping[str, Any], key: str) -> str | None:
    """None also for what is no text, which the check of its key has told of."""
    value = config.get(key)
    return value if isinstance(value, str) and value else None


def _read_run_cap(config: Mapping[str, Any], place: Place, report: Report) -> int | None:
    if "run_cap" not in config:
        return None
    cap = config["run_cap"]
    if is_number(cap) and cap > 0 and cap % 1 == 0:
        return int(cap)
    message = f"must be a whole number above 0, not {cap!r}"
    report.add(Rule.INVALID_VALUE, place / "run_cap", message, "leave it out for no limit")
    return None
