"""The search: what the next run of a sweep should try, and which runs are not worth finishing.

The proposals are those of W&B's own engines (the `sweeps` package). These draw from the process-wide generators of
`random` and numpy, so only one of them works at a time. The package is imported on first use: it brings numpy and
scipy, which a server without sweeps need not carry.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        self._engine = threading.Lock()

    @staticmethod
    def looks_at_runs(method: str) -> bool:
        return method in _LOOKS_AT_RUNS

    def violations(self, definition: Mapping[str, Any]) -> list[str]:
        """What W&B's schema finds wrong with a definition; such a sweep is created all the same, as on W&B."""
        from sweeps import schema_violations_from_proposed_config  # noqa: PLC0415 - see the module's docstring

        try:
            return [str(message) for message in schema_violations_from_proposed_config(dict(definition))]
        except Exception as error:  # noqa: BLE001 - the checker itself stumbles over what is not even a mapping
            return [str(error) or type(error).__name__]

    def grid_size(self, definition: Mapping[str, Any]) -> int | None:
        """How many different points a grid has; none for other methods and for what is no valid grid."""
        if definition.get("method") != "grid":
            return None
        try:
            return math.prod(_different_values(each) for each in _parameters(definition))
        except Exception:  # noqa: BLE001 - the first proposal reports what is wrong with the grid
            return None

    def propose(self, definition: Mapping[str, Any], trials: Sequence[Trial]) -> dict[str, Any] | None:
        """Parameters for one more run, in wire form; none when there is nothing left to try."""
        from sweeps import next_run  # noqa: PLC0415 - see the module's docstring

        if (size := self.grid_size(definition)) is not None and size > LARGEST_GRID:
            raise SearchError(
                f"the grid has {size} points, more than {LARGEST_GRID}: use method random or fewer values"
            )
        with self._engine:
            try:
                proposed = next_run(dict(definition), [_as_run(each, definition) for each in trials])
            except Exception as error:
                raise SearchError(f"cannot search this sweep: {error}") from error
        return None if proposed is None else _plain(proposed.config)

    def losers(self, definition: Mapping[str, Any], trials: Sequence[Trial]) -> list[str]:
        """Names of the running trials that early termination would stop now."""
        from sweeps import stop_runs  # noqa: PLC0415 - see the module's docstring

        with self._engine:
            try:
                stopped = stop_runs(dict(definition), [_as_run(each, definition) for each in trials])
            except Exception as error:
                raise SearchError(f"cannot apply early_terminate: {error}") from error
        return [run.name for run in stopped]


def metric_of(definition: Mapping[str, Any]) -> tuple[str | None, str]:
    """Name and goal of the metric that a sweep optimises."""
    metric = definition.get("metric")
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
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


def _as_run(trial: Trial, definition: Mapping[str, Any]) -> Any:
    from sweeps import RunState, SweepRun  # noqa: PLC0415 - see the module's docstring

    name, _ = metric_of(definition)
    history = [{name: value} for value in trial.metric_values] if name else []
    return SweepRun(name=trial.name, state=RunState(trial.state), config=dict(trial.config), history=history)


def _parameters(definition: Mapping[str, Any]) -> Any:
    from sweeps.params import HyperParameterSet  # noqa: PLC0415 - see the module's docstring

    return HyperParameterSet.from_config(definition["parameters"])


def _different_values(parameter: Any) -> int:
    from sweeps.grid_search import yaml_hash  # noqa: PLC0415 - see the module's docstring
    from sweeps.params import HyperParameter  # noqa: PLC0415 - see the module's docstring

    config = parameter.config
    if parameter.type == HyperParameter.CATEGORICAL:
        return len({yaml_hash(value) for value in config["values"]})
    if parameter.type == HyperParameter.INT_UNIFORM:
        return int(config["max"] - config["min"] + 1)
    if parameter.type == HyperParameter.Q_UNIFORM:
        return max(0, int(math.ceil((config["max"] - config["min"]) / config["q"])))
    return 1


def _plain(value: Any) -> Any:
    """The same value without numpy's scalar types, bit for bit."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value
