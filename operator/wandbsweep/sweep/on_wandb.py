"""What a sweep's configuration on W&B tells, without being a definition: it may come from anywhere, in any shape.

What was made here is read in its user's own words: W&B calls a search that it does not do itself `custom`, and wants a
metric where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.rendering.cell import Cell, CellError, read_cell
from wandbsweep.sweep.rendering.launch import PROGRAM, SCAN, TRIAL_NOTE, method_on_wandb, read_launch, values_of_scan
from wandbsweep.sweep.searching import NO_METRIC
from wandbsweep.sweep.texts.numbers import is_number
from wandbsweep.sweep.wandb_config import grid_size

if TYPE_CHECKING:
    from collections.abc import Mapping

Goal = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Facts:
    """What a sweep on W&B searches for, and how far."""

    method: str
    """As its user called it; `unknown` where the configuration names none."""
    metric: str | None
    goal: Goal | None
    """None where there is no metric."""
    run_cap: int | None
    grid_size: int | None
    """How many trials a grid or a scan has; None for others, and where that cannot be told."""


def facts_of(config: Mapping[str, Any]) -> Facts:
    """The facts of any sweep. What cannot be read is None."""
    method = str(method_on_wandb(config) or "unknown")
    metric, goal = _metric(config)
    return Facts(method, metric, goal, _run_cap(config.get("run_cap")), _size(config, method))


def scan_on_wandb(config: Mapping[str, Any]) -> tuple[tuple[Cell, ...], Mapping[str, str]]:
    """The trials of a scan in their order, and the short name of each of its keys.

    Raises CellError and LaunchError for a sweep that is no scan of ours.
    """
    cells = tuple(map(read_cell, _sent_cells(config)))
    if not cells:
        raise CellError("it has no trials")
    command = config.get("command")
    words = list(map(str, command)) if isinstance(command, list) else []
    return cells, read_launch(words[len(PROGRAM) :], args={}).short_names or {}


def values_of_run(recorded: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a run tried, from what W&B has of it: of a scan the values of its trial, else all but the search's note."""
    if SCAN in recorded:
        return values_of_scan(recorded)
    return {name: value for name, value in recorded.items() if name != TRIAL_NOTE}


def _metric(config: Mapping[str, Any]) -> tuple[str | None, Goal | None]:
    """The first one, where the search has several."""
    several = config.get("metrics")
    metric = several[0] if isinstance(several, list) and several else config.get("metric")
    if not isinstance(metric, dict):
        return None, None
    name = metric.get("name")
    if not isinstance(name, str) or name in ("", NO_METRIC):
        return None, None
    return name, "maximize" if metric.get("goal") == "maximize" else "minimize"


def _run_cap(cap: Any) -> int | None:
    return int(cap) if is_number(cap) and cap > 0 and cap % 1 == 0 else None


def _size(config: Mapping[str, Any], method: str) -> int | None:
    if method == SCAN:
        return len(_sent_cells(config)) or None
    if method != "grid":
        return None
    try:
        return grid_size(read_definition(dict(config), field="sweep"))
    except InvalidSweepError:
        return None


def _sent_cells(config: Mapping[str, Any]) -> list[Any]:
    section = config.get("parameters")
    parameter = section.get(SCAN) if isinstance(section, dict) else None
    values = parameter.get("values") if isinstance(parameter, dict) else None
    return values if isinstance(values, list) else []
