"""Stages: searches that follow each other in one sweep, each over ranges that narrow around the best runs before it.

Which stage a run belongs to stands in the note that it was handed out with. So a search that starts anew finds the
stage it was in, narrows the ranges as the last one did, and suggests what that would have suggested.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any, Final

from wandb.sdk.sweeps.scheduler.optimizer import RunConfig, RunSuggestion

from wandbsweep.search.engine import SearchEngine, UnusableOrderError
from wandbsweep.search.engines.book import Book
from wandbsweep.search.engines.early_end import EarlyEnd
from wandbsweep.search.engines.stages_course import Course, Trial
from wandbsweep.search.engines.stages_methods import Proposed, by_protein, by_wandb
from wandbsweep.search.protein import BeyondCostError
from wandbsweep.sweep.definition import InvalidSweepError
from wandbsweep.sweep.protein.settings import PROTEIN
from wandbsweep.sweep.rendering.launch import TRIAL_NOTE
from wandbsweep.sweep.search_order import ordered_definition
from wandbsweep.sweep.stages.axes import value_in
from wandbsweep.tracking.run_values import metric_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb.sdk.sweeps.scheduler.optimizer import Run, RunWithMetrics
    from wandb.sdk.sweeps.sweep_info import SweepInfo

    from wandbsweep.search.engines.book import Entry
    from wandbsweep.search.results import Results
    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.search_order import SearchOrder

_logger: Final = logging.getLogger(__name__)


class StagesEngine(SearchEngine):
    """One stage after the other; the next begins when all runs of the one before have ended."""

    def __init__(self, sweep: SweepInfo, order: SearchOrder, results: Results) -> None:
        super().__init__(sweep, order, results)
        try:
            self._definition = ordered_definition(order)
        except InvalidSweepError as error:
            raise UnusableOrderError(*map(str, error.errors)) from None
        self._stages = self._definition.stages
        self._runs = Book(sweep.id)
        self._early_end = EarlyEnd(order.definition)
        self._why: dict[str, str] = {}
        self._given_up: set[int] = set()
        self._announced: int | None = None

    def ask_n_runs(self, n: int) -> Sequence[RunSuggestion] | None:
        """Up to n runs of the stage that is on; None while its last ones run, nothing once all stages are over."""
        suggestions: list[RunSuggestion] = []
        while len(suggestions) < n and (suggestion := self._suggestion()):
            suggestions.append(suggestion)
        return suggestions or (None if self._runs.in_flight else ())

    def why(self, run_id: str) -> str:
        return self._why.get(run_id, "suggested by an earlier search")

    def tell_run(self, run_id: Any, data: RunWithMetrics) -> None:
        self._runs.tell(run_id, data)
        self._early_end.heard(run_id, data)

    def forget_run(self, run_id: Any) -> None:
        self._runs.forget(run_id)

    def tell_existing_finished_run(self, data: RunWithMetrics) -> None:
        self._early_end.heard(self._runs.enter(data, data.summary_metrics), data)

    def tell_existing_active_run(self, data: Run) -> str:
        return self._runs.enter(data)

    def prune_runs(self, run_ids: Sequence[str], runs: Sequence[RunWithMetrics]) -> Sequence[str]:
        """Those that fall behind, where the definition has the rule early_terminate."""
        return self._early_end.losers(run_ids, runs)

    def _suggestion(self) -> RunSuggestion | None:
        """One more run; None if none can be started now."""
        course = self._course()
        while (index := course.current) is not None:
            self._announce(course, index)
            if not course.left(index):
                return None
            try:
                return self._handed_out(course, index)
            except BeyondCostError as error:
                if self._runs.in_flight:
                    return None
                _logger.warning("%s ends before its runs are used up: %s", self._title(index), error)
                self._given_up.add(index)
                course = self._course()
        return None

    def _handed_out(self, course: Course, index: int) -> RunSuggestion:
        number, stage = course.next_number, self._stages[index]
        note: dict[str, Any] = {"name": f"{self._order.name}.r.{number}", "number": number, "stage": index}
        if cells := course.cells(index):
            cell = course.next_cell(index)
            proposed = Proposed(cells.values(cell), f"cell {cell + 1} of {len(cells)}")
            note["cell"] = cell
        elif stage.method == PROTEIN:
            proposed = by_protein(self._definition, stage, course.parameters(index), course.trials, self._seed(index))
        else:
            parameters = course.parameters(index)
            proposed = by_wandb(stage.method, parameters, course.trials, self._seed(index, number))
        config = {**proposed.recorded, TRIAL_NOTE: note | dict(proposed.expected or {})}
        key = self._runs.suggest(config)
        self._why[key] = f"{self._title(index)}, {proposed.why}"
        return RunSuggestion(RunConfig.from_values(config), key)

    def _course(self) -> Course:
        trials = (_trial(entry, self._definition) for entry in self._runs)
        return Course(self._stages, [trial for trial in trials if trial], self._given_up)

    def _seed(self, *numbers: int) -> int:
        text = "/".join(map(str, (self._sweep.id, *numbers)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

    def _title(self, index: int) -> str:
        return f"stage {index + 1} of {len(self._stages)} ({self._stages[index].method})"

    def _announce(self, course: Course, index: int) -> None:
        """Says once that a stage begins, and over which ranges."""
        if self._announced == index:
            return
        self._announced = index
        ranges = ", ".join(map(_described, course.parameters(index)))
        best = len(course.best(index)) if index else 0
        around = f" around the best {best} of the runs before" if best else ""
        if index and not best:
            around = " as they were, since no run before has finished with a score"
        _logger.info("%s, %d runs are left of it; ranges%s: %s", self._title(index), course.left(index), around, ranges)


def build(sweep: SweepInfo, order: SearchOrder, results: Results) -> StagesEngine:
    """The engine of a search by stages. Raises UnusableOrderError."""
    return StagesEngine(sweep, order, results)


def _trial(entry: Entry, definition: SweepDefinition) -> Trial | None:
    """The run as a trial of a stage; None for one that no search by stages has handed out."""
    note = entry.config.get(TRIAL_NOTE)
    if not isinstance(note, dict) or not all(isinstance(note.get(key), int) for key in ("number", "stage")):
        return None
    try:
        values = {each.path: value_in(entry.config, each) for each in definition.parameters}
    except KeyError:
        return None
    score = metric_value(entry.summary, definition.metric_name or "")
    sign = 1 if definition.metric_goal == "maximize" else -1
    return Trial(
        number=note["number"],
        stage=note["stage"],
        cell=note.get("cell"),
        values=values,
        state=str(entry.state.value),
        score=None if score is None else sign * score,
        summary=entry.summary,
    )


def _described(parameter: Parameter) -> str:
    name = ".".join(parameter.path)
    if parameter.values is not None:
        return f"{name} {' | '.join(map(str, parameter.values))}"
    return f"{name} {parameter.settings['min']:.6g} to {parameter.settings['max']:.6g}"
