"""W&B's own engines on the trials of the server.

Imported on first use, by `search` only: the engines bring numpy and scipy, 90 MiB and a second and a half that a server
without sweeps need not spend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.wandb_engines import as_run, grid_size, next_config, stopped, violations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.server.search import Trial

__all__ = ["grid_size", "losers", "propose", "violations"]


def propose(definition: Mapping[str, Any], trials: Sequence[Trial], metric: str | None) -> dict[str, Any] | None:
    """Parameters of the next run in wire form; none when there is nothing left to try."""
    return next_config(definition, [_as_run(each, metric) for each in trials])


def losers(definition: Mapping[str, Any], trials: Sequence[Trial], metric: str | None) -> list[str]:
    """Names of the running trials that early termination would stop."""
    return stopped(definition, [_as_run(each, metric) for each in trials])


def _as_run(trial: Trial, metric: str | None) -> Any:
    history = [{metric: value} for value in trial.metric_values] if metric else []
    return as_run(trial.name, trial.state, trial.config, history)
