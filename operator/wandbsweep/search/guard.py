"""Stands around an engine, ours or W&B's, and makes the whole exact: how many runs there are, and who hands them out.

wandb-core drives it like any optimizer. It counts runs that wait, run and were stopped against the cap, replaces those
that failed, and asks the lease before anything leaves.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from wandb.sdk.sweeps.scheduler.optimizer import Optimizer

from wandbsweep.search.followed_runs import FollowedRuns
from wandbsweep.search.suggestion_log import suggested
from wandbsweep.tracking.errors import TrackingError
from wandbsweep.tracking.search_runs import OVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb.sdk.sweeps.scheduler.optimizer import Run, RunSuggestion, RunWithMetrics
    from wandb.sdk.sweeps.sweep_info import SweepInfo

    from wandbsweep.search.budget import Budget, Count
    from wandbsweep.search.followed_runs import RunsOnWandb

_log = logging.getLogger("wandbsweep.search")

_NOTHING_STARTS: Final = ("PAUSED", *OVER)
"""States of a sweep in which W&B takes no run."""


class Leader(Protocol):
    """The lease, as the guard sees it."""

    def holds(self) -> bool:
        """Without asking W&B."""
        ...

    def confirm(self) -> bool:
        """By asking W&B; raises TrackingError."""
        ...


class GuardedOptimizer(Optimizer):
    """An engine behind a budget, a lease and W&B's own account of its runs.

    Attributes:
        failure: what the engine raised when it was asked, which ends the scheduler.
        why_over: what the search ends the sweep for; empty while it goes on.
        hands_out: whether suggestions are on their way to W&B at this moment.
    """

    def __init__(
        self,
        sweep: SweepInfo,
        engine: Optimizer,
        *,
        runs: RunsOnWandb,
        leader: Leader,
        budget: Callable[[], Budget],
        on_ready: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._on_wandb = runs
        self._runs = FollowedRuns(engine, runs)
        self._leader = leader
        self._budget = budget
        self._on_ready = on_ready
        self._ready = False
        self.failure: Exception | None = None
        self.why_over = ""
        self.hands_out = False
        super().__init__(sweep)

    # What the engine knows.

    @property
    def engine(self) -> str:
        """What the log calls it."""
        return self._engine.engine

    def validate_sweep_objective(self) -> None:
        """The engine did."""

    def has_terminator(self) -> bool:
        return self._engine.has_terminator()

    def route_library_logs(self, handler: logging.Handler) -> Callable[[], None]:
        """What is logged here is shown with the sweep on W&B as well."""
        _log.addHandler(handler)
        restore = self._engine.route_library_logs(handler)

        def undo() -> None:
            restore()
            _log.removeHandler(handler)

        return undo

    def should_terminate_sweep(self) -> bool:
        self._begin_generation()
        return self._leader.holds() and self._engine.should_terminate_sweep()

    def prune_runs(self, run_ids: Sequence[str], runs: Sequence[RunWithMetrics]) -> Sequence[str]:
        """What the engine wants to stop; it is not asked about runs it does not know."""
        known = set(self._runs.known_to_engine)
        pairs = [(run_id, run) for run_id, run in zip(run_ids, runs, strict=True) if run_id in known]
        try:
            return self._engine.prune_runs([run_id for run_id, _ in pairs], [run for _, run in pairs])
        except Exception as error:  # noqa: BLE001 - an engine that cannot judge stops nothing
            _log.warning("%s could not say which runs to stop: %r", self.engine, error)
            return []

    # What it is told.

    def tell_existing_finished_run(self, data: RunWithMetrics) -> None:
        self._runs.existed(data)

    def tell_existing_active_run(self, data: Run) -> str:
        return self._runs.adopt(data)

    def tell_run(self, run_id: Any, data: RunWithMetrics) -> None:
        self._begin_generation()
        try:
            self._runs.told(str(run_id), data)
        except TrackingError as error:
            _log.warning("how run %s ended is not known yet: %s", data.wandb_run_id, error)

    def forget_run(self, run_id: Any) -> None:
        self._begin_generation()
        _log.info("W&B did not take suggestion %s; it may be made again", run_id)
        self._runs.forgotten(str(run_id))

    # What it is asked.

    def ask_n_runs(self, n: int) -> Sequence[RunSuggestion] | None:
        self._begin_generation()
        try:
            count = self._count()
        except TrackingError as error:
            _log.warning("no suggestion now: %s", error)
            return None
        suggestions = None if count is None else self._ask_engine(n, count)
        if not suggestions:
            return suggestions
        if not self._still_leads():
            for suggestion in suggestions:
                self._engine.forget_run(suggestion.run_id)
            return None
        for suggestion in suggestions:
            self._runs.suggested(str(suggestion.run_id))
            suggested(self._engine, suggestion)
        self.hands_out = True
        return suggestions

    def _count(self) -> Count | None:
        """The runs that there are; None where nothing may be handed out at all."""
        if not self._leader.holds() or not self._runs.are_settled:
            return None
        look = self._on_wandb.look()
        self._runs.follow(look)
        return None if look.state in _NOTHING_STARTS else self._runs.count(look)

    def _ask_engine(self, n: int, count: Count) -> Sequence[RunSuggestion] | None:
        """An empty answer ends the sweep, so it is given only once no run can change anything any more."""
        budget = self._budget()
        if budget.is_spent(count):
            self.why_over = budget.in_words(count)
            return []
        room = min(n, budget.room(count))
        if room == 0:
            return None
        try:
            suggestions = self._engine.ask_n_runs(room)
        except Exception as error:
            self.failure = error
            raise
        if suggestions or suggestions is None:
            return suggestions
        if count.alive:
            return None
        self.why_over = f"{self.engine} has nothing more to try"
        return []

    def _still_leads(self) -> bool:
        try:
            return self._leader.confirm()
        except TrackingError as error:
            _log.warning("no suggestion leaves now: %s", error)
            return False

    def _begin_generation(self) -> None:
        """wandb-core is back: what was handed out before is on W&B, or it was discarded."""
        self.hands_out = False
        try:
            self._runs.settle()
        except TrackingError as error:
            _log.warning("how some runs ended is not known yet: %s", error)
        if not self._ready and self._runs.are_settled:
            self._ready = True
            self._on_ready()
