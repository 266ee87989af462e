"""A sweep whose runs are recorded, and a search that is told of them as W&B's scheduler tells."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wandb.sdk.sweeps.run_state import RunState
from wandb.sdk.sweeps.scheduler.optimizer import Run, RunConfig, RunWithMetrics
from wandb.sdk.sweeps.sweep_info import SweepInfo

from wandbsweep.search.engines import make_optimizer_for
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.search_order import read_order, search_order
from wandbsweep.sweep.wandb_config import wandb_config

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from wandbsweep.search.engine import SearchEngine

ENDED = frozenset({"finished", "failed", "crashed", "killed"})


@dataclass
class Recorded:
    """One run on W&B."""

    config: dict[str, Any]
    state: str = "pending"
    summary: dict[str, Any] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)


@dataclass
class RecordedSweep:
    """A definition as it is on W&B, its runs, and the search of the moment."""

    definition: Mapping[str, Any]
    retry_failed: int = 0
    runs: dict[str, Recorded] = field(default_factory=dict)
    writes: int = 0

    def __post_init__(self) -> None:
        read = read_definition({"command": ["${args_json}"], **self.definition}, field="spec.sweep")
        sent = wandb_config(
            read, display_name="hunt", uid="u", token="1-t", max_runs=None, runs_per_agent=None, agent_count=2
        )
        order = search_order(read, name="hunt", max_runs=None, retry_failed=self.retry_failed)
        assert order is not None
        self.order = read_order(order.to_json())
        self.info = SweepInfo("sweep1", "hunt", "team", "p", json.loads(json.dumps(sent)), "controller")
        self._told: dict[str, str] = {}
        self._made = 0
        self.restart()

    def restart(self, shuffled: random.Random | None = None) -> SearchEngine:
        """A new search, told of all runs, in any order."""
        engine: Any = make_optimizer_for(self.order, self)(self.info)
        self._told = {}
        runs = list(self.runs.items())
        if shuffled:
            shuffled.shuffle(runs)
        for run_id, run in runs:
            if run.state in ENDED:
                engine.tell_existing_finished_run(self._as_told(run_id))
            else:
                told = self._as_told(run_id)
                self._told[run_id] = engine.tell_existing_active_run(Run(told.config, told.state, run_id))
        self.engine = engine
        engine.should_terminate_sweep()
        return engine

    def record(
        self,
        wandb_run_id: str,
        summary: Mapping[str, Any],
        *,
        tags_added: Collection[str] = (),
        tags_removed: Collection[str] = (),
    ) -> None:
        """What the search writes is there at once."""
        self.writes += 1
        run = self.runs[wandb_run_id]
        run.summary |= json.loads(json.dumps(summary))
        run.tags = (run.tags | set(tags_added)) - set(tags_removed)

    def ask(self, count: int = 1) -> list[str] | None:
        """Runs that wait from now on; None if the search declines."""
        suggestions = self.engine.ask_n_runs(count)
        return None if suggestions is None else [self._enqueued(each) for each in suggestions]

    def refuse(self, count: int) -> None:
        """W&B does not take what is suggested."""
        for suggestion in self.engine.ask_n_runs(count) or ():
            self.engine.forget_run(suggestion.run_id)

    def tell(self, run_id: str, state: str, **summary: Any) -> None:
        """A run has come to another state."""
        run = self.runs[run_id]
        run.state, run.summary = state, run.summary | summary
        self.engine.tell_run(self._told[run_id], self._as_told(run_id))
        self.engine.should_terminate_sweep()

    def delete(self, run_id: str) -> None:
        """Somebody removes the run from the project."""
        del self.runs[run_id]
        gone = RunWithMetrics(RunConfig({}), RunState.FAILED, run_id, {}, [])
        self.engine.tell_run(self._told[run_id], gone)
        self.engine.should_terminate_sweep()

    def fall_behind(self, metric: str, histories: Mapping[str, Sequence[float]]) -> list[str]:
        """Which of these running runs the search wants to end, by how their metric went."""
        told = {self._told[run_id]: run_id for run_id in histories}
        runs = []
        for run_id, values in histories.items():
            history = [{"_step": step, metric: value} for step, value in enumerate(values)]
            config = RunConfig.from_values(self.runs[run_id].config)
            runs.append(RunWithMetrics(config, RunState.RUNNING, run_id, {}, history))
        return [told[key] for key in self.engine.prune_runs(list(told), runs)]

    @property
    def alive(self) -> Sequence[str]:
        """The runs that may still end."""
        return [run_id for run_id, run in self.runs.items() if run.state not in ENDED]

    def values(self, name: str) -> Iterable[Any]:
        """What all runs have under this name in their config."""
        return [run.config.get(name) for run in self.runs.values()]

    def _enqueued(self, suggestion: Any) -> str:
        run_id = f"run{self._made}"
        self._made += 1
        self.runs[run_id] = Recorded(json.loads(json.dumps(suggestion.config.flat_dict())))
        self._told[run_id] = suggestion.run_id
        return run_id

    def _as_told(self, run_id: str) -> RunWithMetrics:
        run = self.runs[run_id]
        config = RunConfig.from_values({"trainer": {"seed": 1}, **run.config, "_wandb": {"t": 1}})
        return RunWithMetrics(config, RunState(run.state), run_id, dict(run.summary), [])
