"""Protein as the engine of a sweep: its trials are the sweep's runs, and all it knows is read from them.

For each suggestion Protein is built anew from the runs. What it suggests depends on the seed, which is the sweep's, and
on the trials alone, so that a search that was killed goes on as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import logging
import math
from typing import TYPE_CHECKING, Any, Final

from wandb.sdk.sweeps.scheduler.optimizer import RunConfig, RunSuggestion

from wandbsweep.search.engine import SearchEngine, UnusableOrderError
from wandbsweep.search.engines.book import Book
from wandbsweep.search.engines.early_end import EarlyEnd
from wandbsweep.search.engines.protein_record import Record
from wandbsweep.search.engines.protein_trials import TrialReader
from wandbsweep.search.protein import BeyondCostError, Protein
from wandbsweep.sweep.definition import InvalidSweepError
from wandbsweep.sweep.on_wandb import facts_of
from wandbsweep.sweep.rendering.launch import TRIAL_NOTE
from wandbsweep.sweep.search_order import ordered_definition
from wandbsweep.sweep.trials.recorded import recorded_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb.sdk.sweeps.scheduler.optimizer import Run, RunWithMetrics
    from wandb.sdk.sweeps.sweep_info import SweepInfo

    from wandbsweep.search.protein import Suggestion
    from wandbsweep.search.results import Results
    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.sweep.search_order import SearchOrder

_logger: Final = logging.getLogger(__name__)


class ProteinEngine(SearchEngine):
    """Asks Protein for what runs next, and records what came of it."""

    def __init__(self, sweep: SweepInfo, order: SearchOrder, results: Results) -> None:
        super().__init__(sweep, order, results)
        self._definition = _definition(sweep, order)
        self._reader = TrialReader(self._definition)
        self._record = Record(results)
        self._runs = Book(sweep.id)
        self._early_end = EarlyEnd(sweep.config)
        self._why: dict[str, str] = {}
        self._news = False

    def ask_n_runs(self, n: int) -> Sequence[RunSuggestion] | None:
        """Up to n runs; none now, or none any more, where all that could be tried is predicted to be too dear."""
        protein, suggestions = self._protein(), list[RunSuggestion]()
        try:
            while len(suggestions) < n:
                suggestions.append(self._handed_out(protein.ask()))
        except BeyondCostError as error:
            if not suggestions:
                return self._declined(error)
        return suggestions

    def why(self, run_id: str) -> str:
        return self._why.get(run_id, "suggested by an earlier search")

    def tell_run(self, run_id: Any, data: RunWithMetrics) -> None:
        self._early_end.heard(run_id, data)
        entry = self._runs.tell(run_id, data)
        self._news = self._news or entry is None or not entry.in_flight

    def forget_run(self, run_id: Any) -> None:
        self._runs.forget(run_id)

    def tell_existing_finished_run(self, data: RunWithMetrics) -> None:
        self._early_end.heard(self._runs.enter(data, data.summary_metrics), data)
        self._news = True

    def prune_runs(self, run_ids: Sequence[str], runs: Sequence[RunWithMetrics]) -> Sequence[str]:
        """Those that fall behind, where the definition has the rule early_terminate."""
        return self._early_end.losers(run_ids, runs)

    def tell_existing_active_run(self, data: Run) -> str:
        return self._runs.enter(data)

    def should_terminate_sweep(self) -> bool:
        """Never. It is asked in each round, after all news are told: that is when results are recorded."""
        if self._news:
            front = {self._reader.place(each.values) for each in self._protein().front()}
            self._record.keep(self._reader.trials(self._runs), front)
            self._news = False
        return False

    def _protein(self) -> Protein:
        """The search as the runs tell it."""
        protein = Protein.of(self._definition, seed_of(self._sweep.id))
        for trial in self._reader.trials(self._runs):
            if trial.outcome is None:
                protein.expect(trial.values)
            else:
                outcome = trial.outcome
                protein.tell_existing(trial.values, outcome.score, outcome.cost, failed=outcome.error is not None)
        return protein

    def _handed_out(self, suggestion: Suggestion) -> RunSuggestion:
        number = self._next_number()
        note = {
            "name": f"{self._order.name}.r.{number}",
            "number": number,
            "score": _as_json(suggestion.predicted_score),
            "cost": _as_json(suggestion.predicted_cost),
        }
        config = recorded(self._definition, suggestion.values) | {TRIAL_NOTE: note}
        key = self._runs.suggest(config)
        self._why[key] = suggestion.why
        return RunSuggestion(RunConfig.from_values(config), key)

    def _next_number(self) -> int:
        notes = (entry.config.get(TRIAL_NOTE) for entry in self._runs)
        numbers = (note.get("number") for note in notes if isinstance(note, dict))
        return max((number for number in numbers if isinstance(number, int)), default=-1) + 1

    def _declined(self, error: BeyondCostError) -> Sequence[RunSuggestion] | None:
        """The runs in flight may yet show that something cheaper can be tried."""
        if in_flight := self._runs.in_flight:
            _logger.info("no suggestion until one of %d runs has ended: %s", in_flight, error)
            return None
        _logger.warning("the search ends: %s", error)
        return ()


def build(sweep: SweepInfo, order: SearchOrder, results: Results) -> ProteinEngine:
    """The engine of a search by Protein. Raises UnusableOrderError."""
    return ProteinEngine(sweep, order, results)


def seed_of(sweep_id: str) -> int:
    """Another sweep, another search; the same sweep, the same."""
    return int.from_bytes(hashlib.sha256(sweep_id.encode()).digest()[:4], "big")


def recorded(definition: SweepDefinition, values: Mapping[str, Any]) -> dict[str, Any]:
    """What W&B records of a run that tries these values."""
    return recorded_values((each, values[".".join(each.path)]) for each in definition.parameters)


def _as_json(number: float | None) -> float | None:
    """Six digits, since the last ones are chance; JSON has no infinity, which a prediction far off may be."""
    return float(f"{number:.6g}") if number is not None and math.isfinite(number) else None


def _definition(sweep: SweepInfo, order: SearchOrder) -> SweepDefinition:
    try:
        definition = ordered_definition(order)
    except InvalidSweepError as error:
        raise UnusableOrderError(*map(str, error.errors)) from None
    facts = facts_of(sweep.config)
    if (facts.metric, facts.goal) != (definition.metric_name, definition.metric_goal):
        raise UnusableOrderError(
            f"spec.sweep.metric is {definition.metric_name}, to {definition.metric_goal}, and the sweep on W&B has "
            f"{facts.metric}, to {facts.goal}; they have to be the same"
        )
    return definition
