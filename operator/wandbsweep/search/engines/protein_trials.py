"""The runs of a search by Protein, read as its trials: what each tried, and what came of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wandb.sdk.sweeps.run_state import RunState

from wandbsweep.search.engines.costs import cost_of
from wandbsweep.search.protein.coordinates import Layout
from wandbsweep.sweep.rendering.launch import TRIAL_NOTE
from wandbsweep.tracking.run_values import metric_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandbsweep.search.engines.book import Entry
    from wandbsweep.sweep.definition import SweepDefinition

_logger: Final = logging.getLogger(__name__)

_ENDS: Final = {RunState.FAILED: "failed", RunState.CRASHED: "crashed"}


@dataclass(frozen=True)
class Outcome:
    """What came of a run that has ended."""

    score: float | None = None
    cost: float | None = None
    error: str | None = None
    """Why it is a failure; None for a success, which has a score and a cost."""


@dataclass(frozen=True)
class Trial:
    """A run whose values this search could have suggested."""

    wandb_run_id: str
    values: Mapping[str, Any]
    place: tuple[float, ...]
    """Where it lies; equal for equal values."""
    note: Mapping[str, Any]
    """What the search said of it as it handed it out; empty for a run that came from elsewhere."""
    summary: Mapping[str, Any]
    outcome: Outcome | None
    """None while it may still end."""


@dataclass
class TrialReader:
    """Reads runs by a definition; a run that is no trial of it is told of once."""

    definition: SweepDefinition
    _strangers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._layout = Layout.of(self.definition.parameters)

    def place(self, values: Mapping[str, Any]) -> tuple[float, ...]:
        """Where these values lie. Raises ValueError for values that no trial can have."""
        return tuple(self._layout.places(values).tolist())

    def trials(self, runs: Iterable[Entry]) -> list[Trial]:
        """Those of the runs that are trials."""
        return [trial for run in runs if (trial := self._trial(run))]

    def _trial(self, run: Entry) -> Trial | None:
        note = run.config.get(TRIAL_NOTE)
        try:
            values = self._values(run.config)
            place = self.place(values)
        except ValueError as error:
            if run.wandb_run_id not in self._strangers:
                self._strangers.add(run.wandb_run_id)
                _logger.warning("run %s is no trial of this search, and is left out: %s", run.wandb_run_id, error)
            return None
        return Trial(
            run.wandb_run_id,
            values,
            place,
            note if isinstance(note, dict) else {},
            run.summary,
            None if run.in_flight else self._outcome(run),
        )

    def _values(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """By name, whatever else the trainer put there. A constant is what it is."""
        constants = self._layout.constants
        return {name: constants[name] if name in constants else _found(config, name) for name in self._layout.names}

    def _outcome(self, run: Entry) -> Outcome:
        if run.state in _ENDS:
            return Outcome(error=f"the run {_ENDS[run.state]}")
        settings, metric = self.definition.protein, self.definition.metric_name or ""
        score = metric_value(run.summary, metric)
        if score is None:
            stopped = " before it was stopped" if run.state is RunState.KILLED else ""
            return Outcome(error=f"the run logged no finite number as {metric}{stopped}")
        key = settings.cost_key if settings else None
        cost = cost_of(run.summary, key)
        if cost is None:
            return Outcome(error=f"the run has no {key or 'run time'} above 0, which is its cost")
        return Outcome(score, cost)


def _found(config: Mapping[str, Any], name: str) -> Any:
    """A value under its own name, or inside mappings along the dots of its name."""
    if name in config:
        return config[name]
    value: Any = config
    for step in name.split("."):
        if not isinstance(value, dict) or step not in value:
            raise ValueError(f"its config has no {name}")
        value = value[step]
    return value
