"""Stands around an engine, ours or W&B's, and makes the whole exact: how many runs there are, and who hands them out.

wandb-core drives it like any optimizer. What wandb-core does not do, and this does: it counts runs that wait, run and
were stopped against the cap and replaces those that failed; it follows a run that was preempted until it has ended for
good; it tells a run that finished without the sweep's metric from one that failed; and it asks the lease before
anything leaves.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from wandb.sdk.sweeps.run_state import RunState
from wandb.sdk.sweeps.scheduler.optimizer import Optimizer, Run, RunConfig, RunWithMetrics, is_terminal_state

from wandbsweep.search.budget import Ledger
from wandbsweep.search.engine import SearchEngine
from wandbsweep.search.suggestion_log import ended, suggested
from wandbsweep.tracking.errors import TrackingError
from wandbsweep.tracking.search_runs import OVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb.sdk.sweeps.scheduler.optimizer import RunSuggestion
    from wandb.sdk.sweeps.sweep_info import SweepInfo

    from wandbsweep.search.budget import Budget, Count
    from wandbsweep.tracking.search_runs import RecordedRun, SearchLook

_log = logging.getLogger("wandbsweep.search")

_PAUSED = "PAUSED"
_MISSED_LOOKS = 3
"""A run that W&B does not list in so many looks, and that wandb-core says nothing of, was deleted."""


class RunsOnWandb(Protocol):
    """What the guard asks of W&B; each raises TrackingError."""

    def look(self) -> SearchLook:
        """All runs of the sweep, counted."""
        ...

    def read(self, run_ids: Sequence[str]) -> dict[str, RecordedRun]:
        """Some of them."""
        ...


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
        self._runs = runs
        self._leader = leader
        self._budget = budget
        self._on_ready = on_ready
        self._ledger = Ledger()
        self._engine_ids: dict[str, str | None] = {}
        """By W&B's ID, of runs that may still end; None for a run that the engine does not want to hear of."""
        self._strays: dict[str, int] = {}
        """Runs whose end wandb-core will not tell, and how many looks in a row did not show them."""
        self._unsettled: dict[str, RunWithMetrics] = {}
        """Runs that were told as failed and may have finished."""
        self._ready = False
        self.failure: Exception | None = None
        self.hands_out = False
        super().__init__(sweep)

    # What wandb-core asks of any optimizer and the engine knows.

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
        known = set(self._engine_ids.values())
        pairs = [(run_id, run) for run_id, run in zip(run_ids, runs, strict=True) if run_id in known]
        try:
            return self._engine.prune_runs([run_id for run_id, _ in pairs], [run for _, run in pairs])
        except Exception as error:  # noqa: BLE001 - an engine that cannot judge stops nothing
            _log.warning("%s could not say which runs to stop: %r", self.engine, error)
            return []

    # What it is told.

    def tell_existing_finished_run(self, data: RunWithMetrics) -> None:
        if data.state is RunState.PREEMPTED:
            self._adopt(Run(data.config, RunState.PREEMPTING, data.wandb_run_id))
            self._strays[data.wandb_run_id] = 0
        elif self._may_have_finished(data):
            self._unsettled[data.wandb_run_id] = data
            self._ledger.see(data.wandb_run_id, RunState.UNKNOWN.value)
        else:
            self._learn(data)

    def tell_existing_active_run(self, data: Run) -> str:
        return self._adopt(data)

    def tell_run(self, run_id: Any, data: RunWithMetrics) -> None:
        self._begin_generation()
        self._ledger.see(data.wandb_run_id, RunState.UNKNOWN.value, run_id)
        self._engine_ids.setdefault(data.wandb_run_id, str(run_id))
        if data.state is RunState.PREEMPTED:
            _log.info("run %s was preempted; it will go on", data.wandb_run_id)
            self._strays[data.wandb_run_id] = 0
        elif not data.config.config and data.state is RunState.FAILED:
            _log.info("run %s was deleted", data.wandb_run_id)
            self._tell_engine(data)
            self._ledger.drop(data.wandb_run_id)
        elif self._may_have_finished(data):
            self._unsettled[data.wandb_run_id] = data
            self._settle()
        else:
            self._note(data)

    def forget_run(self, run_id: Any) -> None:
        self._begin_generation()
        _log.info("W&B did not take suggestion %s; it may be made again", run_id)
        self._ledger.forget(run_id)
        self._engine.forget_run(run_id)

    # What it is asked.

    def ask_n_runs(self, n: int) -> Sequence[RunSuggestion] | None:
        self._begin_generation()
        try:
            count = self._count()
            if count is None:
                return None
        except TrackingError as error:
            _log.warning("no suggestion now: %s", error)
            return None
        suggestions = self._ask_engine(min(n, self._budget().room(count)), count)
        if not suggestions:
            return suggestions
        if not self._still_leads():
            for suggestion in suggestions:
                self._engine.forget_run(suggestion.run_id)
            return None
        for suggestion in suggestions:
            self._ledger.suggest(str(suggestion.run_id))
            suggested(self._engine, suggestion)
        self.hands_out = True
        return suggestions

    def _still_leads(self) -> bool:
        try:
            return self._leader.confirm()
        except TrackingError as error:
            _log.warning("no suggestion leaves now: %s", error)
            return False

    def _count(self) -> Count | None:
        """The runs as both sides know them; None where nothing may be handed out at all."""
        if not self._leader.holds() or self._unsettled:
            return None
        look = self._runs.look()
        self._follow(look)
        if look.state == _PAUSED or look.state in OVER:
            return None
        return self._ledger.count(total=look.total, failed=look.failed, alive=len(look.alive))

    def _ask_engine(self, room: int, count: Count) -> Sequence[RunSuggestion] | None:
        """An empty answer ends the sweep, so it is given only once no run can change anything any more."""
        if self._budget().is_spent(count):
            return []
        if room == 0:
            return None
        try:
            suggestions = self._engine.ask_n_runs(room)
        except Exception as error:
            self.failure = error
            raise
        return suggestions if suggestions or not count.alive else None

    # Runs that wandb-core does not follow.

    def _begin_generation(self) -> None:
        """wandb-core is back: what was handed out before is on W&B, or it was discarded."""
        self.hands_out = False
        self._settle()
        if not self._ready and not self._unsettled:
            self._ready = True
            self._on_ready()

    def _settle(self) -> None:
        """Tell of each run that was told as failed what it really is."""
        if not self._unsettled:
            return
        try:
            recorded = self._runs.read(list(self._unsettled))
        except TrackingError as error:
            _log.warning("how %d runs ended is not known yet: %s", len(self._unsettled), error)
            return
        for run_id, told in list(self._unsettled.items()):
            run = recorded.get(run_id)
            finished = run is not None and run.state == RunState.FINISHED.value
            state = RunState.FINISHED if finished else told.state
            data = replace(told, state=state)
            del self._unsettled[run_id]
            if run_id in self._engine_ids:
                self._note(data)
            else:
                self._learn(data)

    def _follow(self, look: SearchLook) -> None:
        """Find out about runs that wandb-core says nothing of."""
        if not self._ledger.on_the_way:
            strangers = [run_id for run_id in look.alive if run_id not in self._ledger.standings]
            for run in self._runs.read(strangers).values() if strangers else ():
                _log.info("run %s was put into the sweep by somebody else", run.run_id)
                told = _as_told(run)
                self._adopt(Run(told.config, told.state, told.wandb_run_id))
                self._strays[run.run_id] = 0
        gone = [run_id for run_id in self._strays if run_id not in look.alive]
        recorded = self._runs.read(gone) if gone else {}
        for run_id in gone:
            if run_id in recorded:
                self._strays[run_id] = 0
                self._note(_as_told(recorded[run_id]))
            else:
                self._miss(run_id)

    def _miss(self, run_id: str) -> None:
        self._strays[run_id] += 1
        if self._strays[run_id] >= _MISSED_LOOKS:
            _log.info("run %s was deleted", run_id)
            self._tell_engine(RunWithMetrics(RunConfig({}), RunState.FAILED, run_id, {}, []))
            self._ledger.drop(run_id)

    def _adopt(self, run: Run) -> str:
        """Take a run for alive; the ID by which wandb-core speaks of it."""
        self._ledger.see(run.wandb_run_id, run.state.value)
        try:
            adopted = self._engine.tell_existing_active_run(run)
        except Exception as error:  # noqa: BLE001 - the run counts, whatever the engine makes of it
            _log.warning("%s cannot follow run %s: %r", self.engine, run.wandb_run_id, error)
            adopted = None
        self._engine_ids[run.wandb_run_id] = None if adopted is None else str(adopted)
        return f"run-{run.wandb_run_id}" if adopted is None else str(adopted)

    def _note(self, data: RunWithMetrics) -> None:
        """A run that the engine was told of before, as it is now."""
        if is_terminal_state(data.state) and data.state is not RunState.PREEMPTED:
            ended(data)
            self._ledger.see(data.wandb_run_id, data.state.value)
        self._tell_engine(data)

    def _tell_engine(self, data: RunWithMetrics) -> None:
        engine_id = self._engine_ids.get(data.wandb_run_id)
        if data.state is RunState.PREEMPTED:
            return
        if is_terminal_state(data.state):
            self._engine_ids.pop(data.wandb_run_id, None)
            self._strays.pop(data.wandb_run_id, None)
        if engine_id is None:
            return
        try:
            self._engine.tell_run(engine_id, self._for_engine(data))
        except Exception as error:  # noqa: BLE001 - one run less to learn from
            _log.warning("%s learnt nothing from run %s: %r", self.engine, data.wandb_run_id, error)

    def _learn(self, data: RunWithMetrics) -> None:
        """A run that had ended before this search began."""
        self._ledger.see(data.wandb_run_id, data.state.value)
        try:
            self._engine.tell_existing_finished_run(self._for_engine(data))
        except Exception as error:  # noqa: BLE001 - one run less to learn from
            _log.warning("%s learnt nothing from run %s: %r", self.engine, data.wandb_run_id, error)

    def _may_have_finished(self, data: RunWithMetrics) -> bool:
        """wandb-core calls a run failed that finished without the metric."""
        return data.state is RunState.FAILED and bool(data.config.config) and self._lacks_metric(data)

    def _for_engine(self, data: RunWithMetrics) -> RunWithMetrics:
        """W&B's own engines hear of a run without the metric that it failed; ours decide that themselves."""
        ours = isinstance(self._engine, SearchEngine)
        if not ours and data.state is RunState.FINISHED and self._lacks_metric(data):
            return replace(data, state=RunState.FAILED)
        return data

    def _lacks_metric(self, data: RunWithMetrics) -> bool:
        return any(data.summary_metrics.get(name) is None for name in self.metric_names())


def _as_told(run: RecordedRun) -> RunWithMetrics:
    try:
        state = RunState(run.state)
    except ValueError:
        state = RunState.UNKNOWN
    return RunWithMetrics(RunConfig.from_values(dict(run.config)), state, run.run_id, dict(run.summary), [])
