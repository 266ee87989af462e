"""The search: what the next run of a sweep should try, and which runs are not worth finishing.

The engines draw from the process-wide generators of `random` and numpy, so only one of them works at a time.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.searching import NO_METRIC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

# The engine lists all points of a grid for every proposal: beyond this it would take seconds and gigabytes each time.
LARGEST_GRID = 1_000_000
_LOOKS_AT_RUNS = ("grid", "bayes")


class SearchError(Exception):
    """The sweep's definition cannot be searched; the text says why."""


@dataclass(frozen=True)
class Trial:
    """A run as the search sees it: parameters in W&B's wire form, and what is known of the metric."""

    name: str
    state: str
    config: Mapping[str, Any]
    metric_values: Sequence[float] = field(default=())


class Search:
    """W&B's engines behind one lock."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()

    @staticmethod
    def looks_at_runs(method: str) -> bool:
        return method in _LOOKS_AT_RUNS

    @staticmethod
    def violations(definition: Mapping[str, Any]) -> list[str]:
        """What W&B's schema finds wrong with a definition; such a sweep is created all the same, as on W&B."""
        try:
            found: list[str] = _engines().violations(definition)
        except Exception as error:  # noqa: BLE001 - the checker itself stumbles over what is not even a mapping
            return [str(error) or type(error).__name__]
        return found

    @staticmethod
    def grid_size(definition: Mapping[str, Any]) -> int | None:
        """How many different points a grid has; none for other methods and for what is no valid grid."""
        if definition.get("method") != "grid":
            return None
        try:
            size: int = _engines().grid_size(definition)
        except Exception:  # noqa: BLE001 - the first proposal reports what is wrong with the grid
            return None
        return size

    def propose(self, definition: Mapping[str, Any], trials: Sequence[Trial]) -> dict[str, Any] | None:
        """Parameters for one more run, in wire form; none when there is nothing left to try."""
        if (size := self.grid_size(definition)) is not None and size > LARGEST_GRID:
            raise SearchError(
                f"the grid has {size} points, more than {LARGEST_GRID}: use method random or fewer values"
            )
        metric, _ = metric_of(definition)
        with self._one_at_a_time:
            try:
                proposed: dict[str, Any] | None = _engines().propose(definition, trials, metric)
            except Exception as error:
                raise SearchError(f"cannot search this sweep: {error}") from error
        return proposed

    def losers(self, definition: Mapping[str, Any], trials: Sequence[Trial]) -> list[str]:
        """Names of the running trials that early termination would stop now."""
        metric, _ = metric_of(definition)
        with self._one_at_a_time:
            try:
                names: list[str] = _engines().losers(definition, trials, metric)
            except Exception as error:
                raise SearchError(f"cannot apply early_terminate: {error}") from error
        return names


def is_searched_elsewhere(definition: Mapping[str, Any]) -> bool:
    """Whether the runs of a sweep come from a scheduler outside of the server, which then proposes none itself."""
    return definition.get("method") == "custom" or bool(definition.get("scheduler"))


def metric_of(definition: Mapping[str, Any]) -> tuple[str | None, str]:
    """Name and goal of the metric that a sweep optimises."""
    metric = definition.get("metric")
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str) or metric["name"] == NO_METRIC:
        return None, "minimize"
    return metric["name"], "maximize" if metric.get("goal") == "maximize" else "minimize"


def metric_value(row: Mapping[str, Any], name: str) -> float | None:
    """The finite value of a metric in a row of history or summary; a dot may stand for nesting."""
    value: Any = row.get(name)
    if value is None and "." in name:
        value = row
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def _engines() -> ModuleType:
    from wandbsweep.server import engines  # noqa: PLC0415 - see that module's docstring

    return engines
