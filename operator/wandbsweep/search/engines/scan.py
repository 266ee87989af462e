"""Scan: hands out the trials of a scan, one after the other, each once.

The sweep on W&B holds all of them. Which of them are done is read from its runs: so a search that starts anew goes on
where the last one was, a failed trial can be run again, and one whose run was deleted has its turn once more.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from wandb.sdk.sweeps.scheduler.optimizer import RunConfig, RunSuggestion

from wandbsweep.search.engine import SearchEngine, UnusableOrderError
from wandbsweep.search.engines.book import Book
from wandbsweep.search.engines.early_end import EarlyEnd
from wandbsweep.sweep.on_wandb import scan_on_wandb
from wandbsweep.sweep.rendering.cell import CellError, read_cell, sent_cell
from wandbsweep.sweep.rendering.launch import SCAN, TRIAL_NOTE, LaunchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb.sdk.sweeps.scheduler.optimizer import Run, RunWithMetrics
    from wandb.sdk.sweeps.sweep_info import SweepInfo

    from wandbsweep.search.engines.book import Entry
    from wandbsweep.search.results import Results
    from wandbsweep.sweep.rendering.cell import Cell
    from wandbsweep.sweep.search_order import SearchOrder

_logger: Final = logging.getLogger(__name__)
_RESERVED: Final = (SCAN, TRIAL_NOTE)


class ScanEngine(SearchEngine):
    """The trials in their order, then those that failed, those that failed least often first."""

    def __init__(self, sweep: SweepInfo, order: SearchOrder, results: Results) -> None:
        super().__init__(sweep, order, results)
        try:
            self._cells, self._short_names = scan_on_wandb(sweep.config)
        except (CellError, LaunchError) as error:
            raise UnusableOrderError(f"the sweep on W&B is no scan: {error}") from None
        self._runs = Book(sweep.id)
        self._early_end = EarlyEnd(sweep.config)
        self._reported: set[str] = set()

    def ask_n_runs(self, n: int) -> Sequence[RunSuggestion] | None:
        """Up to n trials; None while those that run may fail or be deleted, nothing once all are done."""
        cells = self._open()[:n]
        if not cells:
            return None if self._runs.in_flight else ()
        return [self._suggestion(cell) for cell in cells]

    def why(self, run_id: str) -> str:
        entry = self._runs.by_key(run_id)
        name = _name_of(entry.config) if entry else None
        number = next((number for number, cell in enumerate(self._cells, 1) if cell.name == name), None)
        again = f", again after {_times(failed)}" if (failed := self._failures().get(str(name))) else ""
        return f"trial {number} of {len(self._cells)}: {name}{again}"

    def tell_run(self, run_id: Any, data: RunWithMetrics) -> None:
        self._early_end.heard(run_id, data)
        self._report(self._runs.tell(run_id, data))

    def forget_run(self, run_id: Any) -> None:
        self._runs.forget(run_id)

    def tell_existing_finished_run(self, data: RunWithMetrics) -> None:
        key = self._runs.enter(data, data.summary_metrics)
        self._early_end.heard(key, data)
        self._report(self._runs.by_key(key))

    def prune_runs(self, run_ids: Sequence[str], runs: Sequence[RunWithMetrics]) -> Sequence[str]:
        """Those that fall behind, where the definition has the rule early_terminate."""
        return self._early_end.losers(run_ids, runs)

    def tell_existing_active_run(self, data: Run) -> str:
        return self._runs.enter(data)

    def _open(self) -> list[Cell]:
        """The trials that may be handed out, in their order."""
        taken = {_name_of(entry.config) for entry in self._runs if not entry.failed}
        failures = self._failures()
        failed_often = [(failures.get(cell.name, 0), cell) for cell in self._cells if cell.name not in taken]
        allowed = [each for each in failed_often if each[0] <= self._order.retry_failed]
        return [cell for _, cell in sorted(allowed, key=lambda each: each[0])]

    def _failures(self) -> Mapping[str, int]:
        return Counter(name for entry in self._runs if entry.failed and (name := _name_of(entry.config)))

    def _suggestion(self, cell: Cell) -> RunSuggestion:
        named = {key: short for key, short in self._short_names.items() if short and short not in _RESERVED}
        shown = {short: cell.value_names.get(key, cell.values[key]) for key, short in named.items()}
        config = {SCAN: sent_cell(cell), **shown}
        return RunSuggestion(RunConfig.from_values(config), self._runs.suggest(config))

    def _report(self, entry: Entry | None) -> None:
        """A trial that failed is told of once, by its name."""
        if entry is None or not entry.failed or entry.wandb_run_id in self._reported:
            return
        self._reported.add(entry.wandb_run_id)
        name = _name_of(entry.config)
        failed, allowed = self._failures().get(str(name), 0), self._order.retry_failed
        then = "it runs again after all others" if failed <= allowed else "it does not run again"
        if not allowed:
            then += "; spec.search.retryFailed says how often failed trials do"
        _logger.warning("trial %s failed (run %s, %s): %s", name, entry.wandb_run_id, _times(failed), then)


def build(sweep: SweepInfo, order: SearchOrder, results: Results) -> ScanEngine:
    """The engine of a scan. Raises UnusableOrderError."""
    return ScanEngine(sweep, order, results)


def _times(count: int) -> str:
    """So many failures, in words."""
    return "1 failure" if count == 1 else f"{count} failures"


def _name_of(config: Mapping[str, Any]) -> str | None:
    """The name of the trial that a run tries; None if it is none of this scan."""
    try:
        return read_cell(config.get(SCAN)).name
    except CellError:
        return None
