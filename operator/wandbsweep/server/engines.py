"""W&B's own engines (the `sweeps` package) as plain functions.

Imported on first use, by `search` only: the package brings numpy and scipy, 90 MiB and a second and a half that a
server without sweeps need not spend.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package still declares its models as for pydantic 1
    import sweeps
    from sweeps.grid_search import yaml_hash
    from sweeps.params import HyperParameter, HyperParameterSet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.server.search import Trial


def violations(definition: Mapping[str, Any]) -> list[str]:
    """What W&B's schema finds wrong with a definition."""
    return [str(message) for message in sweeps.schema_violations_from_proposed_config(dict(definition))]


def grid_size(definition: Mapping[str, Any]) -> int:
    """How many different points a grid has."""
    return math.prod([_different_values(each) for each in HyperParameterSet.from_config(definition["parameters"])])


def propose(definition: Mapping[str, Any], trials: Sequence[Trial], metric: str | None) -> dict[str, Any] | None:
    """Parameters of the next run in wire form; none when there is nothing left to try."""
    proposed = sweeps.next_run(dict(definition), [_as_run(each, metric) for each in trials])
    return None if proposed is None else _plain(proposed.config)


def losers(definition: Mapping[str, Any], trials: Sequence[Trial], metric: str | None) -> list[str]:
    """Names of the running trials that early termination would stop."""
    return [run.name for run in sweeps.stop_runs(dict(definition), [_as_run(each, metric) for each in trials])]


def _as_run(trial: Trial, metric: str | None) -> Any:
    history = [{metric: value} for value in trial.metric_values] if metric else []
    state = sweeps.RunState(trial.state)
    return sweeps.SweepRun(name=trial.name, state=state, config=dict(trial.config), history=history)


def _different_values(parameter: Any) -> int:
    config = parameter.config
    if parameter.type == HyperParameter.CATEGORICAL:
        return len({yaml_hash(value) for value in config["values"]})
    if parameter.type == HyperParameter.INT_UNIFORM:
        return int(config["max"] - config["min"] + 1)
    if parameter.type == HyperParameter.Q_UNIFORM:
        return max(0, math.ceil(float(config["max"] - config["min"]) / float(config["q"])))
    return 1


def _plain(value: Any) -> Any:
    """The same value without numpy's scalar types, bit for bit."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value
