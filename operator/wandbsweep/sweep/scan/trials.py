"""The trials of a scan: expanded, and held to what W&B, a file's name and an argument can take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.checks.base_config import check_keys, check_size
from wandbsweep.sweep.problems import kind_of
from wandbsweep.sweep.rendering.cell import sent_cell
from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.sweep.rendering.macros import LONGEST_ARGUMENT
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.scan.names import check_names
from wandbsweep.sweep.scan.reading import MOST_TRIALS, count, expand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report
    from wandbsweep.sweep.reading.base_config import BaseConfig
    from wandbsweep.sweep.rendering.cell import Cell

LARGEST_TABLE: Final = 512 * 1024
"""Bytes that all trials may take in the configuration that W&B stores."""

_EXPERIMENT: Final = "experiment"


def read_trials(
    parameters: Sequence[Parameter],
    base: BaseConfig | None,
    config: Mapping[str, Any],
    place: Place,
    report: Report,
) -> tuple[Cell, ...]:
    """All trials of a scan whose parameters are sound; none where there are too many, or base_config is not at hand."""
    size = count(parameters)
    if size > MOST_TRIALS:
        message = f"makes {size} trials, and a scan has at most {MOST_TRIALS}"
        remedy = "split it into several sweeps, or use method random"
        report.add(Rule.SCAN_TOO_LARGE, place / "parameters", message, remedy)
        return ()
    if base and base.content is None:
        return ()
    before = len(report.errors)
    base_name = str(config.get("name") or "") if base is None else _experiment_name(base, report)
    if len(report.errors) > before:
        return ()
    cells = expand(parameters, base_name)
    check_names(cells, parameters, place / "parameters", report)
    _check_sizes(cells, place / "parameters", report)
    if base:
        places = {parameter.path[0]: parameter.place for parameter in parameters}
        check_keys(base, (cell.values for cell in cells), places, report)
        check_size(base, report)
    return cells


def _experiment_name(base: BaseConfig, report: Report) -> str:
    """Trials are called after the experiment of the base configuration, and their files hold the trial's name there."""
    experiment = (base.content or {}).get(_EXPERIMENT)
    if not isinstance(experiment, dict):
        remedy = "give it {name: <what the names of trials begin with>}"
        fault = "is missing" if experiment is None else f"must be a mapping, not {kind_of(experiment)}"
        report.add(Rule.MISSING_KEY, base.place / _EXPERIMENT, f"{fault}, and it takes the name of each trial", remedy)
        return ""
    name = experiment.get("name", "")
    if not isinstance(name, str):
        report.add(Rule.WRONG_KIND, base.place / _EXPERIMENT / "name", f"must be text, not {kind_of(name)}")
        return ""
    return name


def _check_sizes(cells: Sequence[Cell], place: Place, report: Report) -> None:
    sizes = [len(json.dumps({SCAN: sent_cell(cell)})) for cell in cells]
    remedy = "put what all trials share into base_config, and long values into files that the values name"
    if max(sizes) > LONGEST_ARGUMENT:
        message = f"the values of one trial take {max(sizes)} bytes, and an argument carries at most {LONGEST_ARGUMENT}"
        report.add(Rule.UNRENDERABLE, place, message, remedy)
    elif sum(sizes) > LARGEST_TABLE:
        message = f"all trials together take {sum(sizes)} bytes in W&B's configuration, at most {LARGEST_TABLE}"
        report.add(Rule.SCAN_TOO_LARGE, place, message, remedy)
