"""All runs of a sweep between wandb-core and an engine: the engine hears of each run's true end once, and each counts.

wandb-core forgets a run that was preempted, though it is handed out again; it never looks at runs that others put into
the sweep; and it calls a run failed that finished without the sweep's metric. Such runs are looked up here.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from wandb.sdk.sweeps.run_state import RunState
from wandb.sdk.sweeps.scheduler.optimizer import Run, RunConfig, RunWithMetrics, is_terminal_state

from wandbsweep.search.budget import Ledger
from wandbsweep.search.engine import SearchEngine
from wandbsweep.search.suggestion_log import ended

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from wandb.sdk.sweeps.scheduler.optimizer import Optimizer

    from wandbsweep.search.budget import Count
    from wandbsweep.tracking.search_runs import RecordedRun, SearchLook

_log = logging.getLogger("wandbsweep.search")

_MISSED_LOOKS: Final = 3
"""A run that W&B does not list in so many looks, and that wandb-core says nothing of, was deleted."""


class RunsOnWandb(Protocol):
    """What is asked of W&B; each raises TrackingError."""

    def look(self) -> SearchLook:
        """All runs of the sweep, counted."""
        ...

    def read(self, run_ids: Sequence[str]) -> dict[str, RecordedRun]:
        """Some of them."""
        ...


class FollowedRuns:
    """The runs of one sweep as one search follows them."""

    def __init__(self, engine: Optimizer, on_wandb: RunsOnWandb) -> None:
        self._engine = engine
        self._on_wandb = on_wandb
        self._metrics = engine.metric_names()
        self._ledger = Ledger()
        self._engine_ids: dict[str, str | None] = {}
        """By W&B's ID, of runs that may still end; None for a run that the engine does not want to hear of."""
        self._strays: dict[str, int] = {}
        """Runs whose end wandb-core will not tell, and how many looks in a row did not show them."""
        self._unsettled: dict[str, RunWithMetrics] = {}
        """Runs that were told as failed and may have finished."""

    @property
    def are_settled(self) -> bool:
        """Whether the engine knows how each run ended that did."""
        return not self._unsettled

    @property
    def known_to_engine(self) -> Collection[str | None]:
        """By the engine's own IDs, of runs that may still end."""
        return self._engine_ids.values()

    # What wandb-core says.

    def existed(self, data: RunWithMetrics) -> None:
        """A run that was over, for wandb-core, when the search began."""
        if data.state is RunState.PREEMPTED:
            self.adopt(Run(data.config, RunState.PREEMPTING, data.wandb_run_id))
            self._strays[data.wandb_run_id] = 0
        elif self._may_have_finished(data):
            self._unsettled[data.wandb_run_id] = data
            self._ledger.see(data.wandb_run_id, RunState.UNKNOWN.value)
        else:
            self._learn(data)

    def adopt(self, run: Run) -> str:
        """A run that the search finds alive; the ID by which it is spoken of from now on."""
        self._ledger.see(run.wandb_run_id, run.state.value)
        try:
            adopted = self._engine.tell_existing_active_run(run)
        except Exception as error:  # noqa: BLE001 - the run counts, whatever the engine makes of it
            _log.warning("%s cannot follow run %s: %r", self._engine.engine, run.wandb_run_id, error)
            adopted = None
        self._engine_ids[run.wandb_run_id] = None if adopted is None else str(adopted)
        return f"run-{run.wandb_run_id}" if adopted is None else str(adopted)

    def told(self, run_id: str, data: RunWithMetrics) -> None:
        """The latest word on a run that came from a suggestion, or that was adopted."""
        self._ledger.see(data.wandb_run_id, RunState.UNKNOWN.value, run_id)
        self._engine_ids.setdefault(data.wandb_run_id, run_id)
        if data.state is RunState.PREEMPTED:
            _log.info("run %s was preempted; it will go on", data.wandb_run_id)
            self._strays[data.wandb_run_id] = 0
        elif data.state is RunState.FAILED and not data.config.config:
            self._deleted(data.wandb_run_id)
        elif self._may_have_finished(data):
            self._unsettled[data.wandb_run_id] = data
            self.settle()
        else:
            self._note(data)

    def suggested(self, suggestion_id: str) -> None:
        self._ledger.suggest(suggestion_id)

    def forgotten(self, suggestion_id: str) -> None:
        """W&B did not take the suggestion."""
        self._ledger.forget(suggestion_id)
        self._engine.forget_run(suggestion_id)

    # What W&B says.

    def settle(self) -> None:
        """Find out how runs ended that were told as failed. Raises TrackingError."""
        if not self._unsettled:
            return
        recorded = self._on_wandb.read(list(self._unsettled))
        for run_id, told in list(self._unsettled.items()):
            run = recorded.get(run_id)
            finished = run is not None and run.state == RunState.FINISHED.value
            data = replace(told, state=RunState.FINISHED) if finished else told
            del self._unsettled[run_id]
            if run_id in self._engine_ids:
                self._note(data)
            else:
                self._learn(data)

    def follow(self, look: SearchLook) -> None:
        """Find out about runs that wandb-core says nothing of. Raises TrackingError."""
        if not self._ledger.on_the_way:
            strangers = [run_id for run_id in look.alive if run_id not in self._ledger.standings]
            for run in self._on_wandb.read(strangers).values() if strangers else ():
                _log.info("run %s was put into the sweep by somebody else", run.run_id)
                told = as_told(run)
                self.adopt(Run(told.config, told.state, told.wandb_run_id))
                self._strays[run.run_id] = 0
        gone = [run_id for run_id in self._strays if run_id not in look.alive]
        recorded = self._on_wandb.read(gone) if gone else {}
        for run_id in gone:
            if run_id in recorded:
                self._strays[run_id] = 0
                self._note(as_told(recorded[run_id]))
            else:
                self._strays[run_id] += 1
                if self._strays[run_id] >= _MISSED_LOOKS:
                    self._deleted(run_id)

    def count(self, look: SearchLook) -> Count:
        """The runs as both sides know them."""
        return self._ledger.count(total=look.total, failed=look.failed, alive=len(look.alive))

    # What the engine hears.

    def _note(self, data: RunWithMetrics) -> None:
        """A run that the engine was told of before, as it is now."""
        self._ledger.see(data.wandb_run_id, data.state.value)
        if data.state is RunState.PREEMPTED:
            return
        if is_terminal_state(data.state):
            ended(data)
        self._tell(data)

    def _deleted(self, run_id: str) -> None:
        _log.info("run %s was deleted", run_id)
        self._tell(RunWithMetrics(RunConfig({}), RunState.FAILED, run_id, {}, []))
        self._ledger.drop(run_id)

    def _tell(self, data: RunWithMetrics) -> None:
        engine_id = self._engine_ids.get(data.wandb_run_id)
        if is_terminal_state(data.state):
            self._engine_ids.pop(data.wandb_run_id, None)
            self._strays.pop(data.wandb_run_id, None)
        if engine_id is None:
            return
        try:
            self._engine.tell_run(engine_id, self._as_engine_takes_it(data))
        except Exception as error:  # noqa: BLE001 - one run less to learn from
            _log.warning("%s learnt nothing from run %s: %r", self._engine.engine, data.wandb_run_id, error)

    def _learn(self, data: RunWithMetrics) -> None:
        """A run that had ended before this search began."""
        self._ledger.see(data.wandb_run_id, data.state.value)
        try:
            self._engine.tell_existing_finished_run(self._as_engine_takes_it(data))
        except Exception as error:  # noqa: BLE001 - one run less to learn from
            _log.warning("%s learnt nothing from run %s: %r", self._engine.engine, data.wandb_run_id, error)

    def _may_have_finished(self, data: RunWithMetrics) -> bool:
        return data.state is RunState.FAILED and bool(data.config.config) and self._lacks_metric(data)

    def _as_engine_takes_it(self, data: RunWithMetrics) -> RunWithMetrics:
        """W&B's own engines hear of a run without the metric that it failed; ours decide that themselves."""
        ours = isinstance(self._engine, SearchEngine)
        if not ours and data.state is RunState.FINISHED and self._lacks_metric(data):
            return replace(data, state=RunState.FAILED)
        return data

    def _lacks_metric(self, data: RunWithMetrics) -> bool:
        return any(data.summary_metrics.get(name) is None for name in self._metrics)


def as_told(run: RecordedRun) -> RunWithMetrics:
    """A run that was looked up, as wandb-core would tell of it."""
    try:
        state = RunState(run.state)
    except ValueError:
        state = RunState.UNKNOWN
    return RunWithMetrics(RunConfig.from_values(dict(run.config)), state, run.run_id, dict(run.summary), [])
