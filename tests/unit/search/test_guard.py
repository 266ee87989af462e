"""What stands around an engine: what wandb-core says, what W&B says, and what the engine hears of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from wandb.sdk.sweeps.run_state import RunState
from wandb.sdk.sweeps.scheduler.optimizer import Run, RunConfig, RunSuggestion, RunWithMetrics, make_optimizer
from wandb.sdk.sweeps.sweep_info import SweepInfo

from wandbsweep.search.budget import Budget
from wandbsweep.search.engine import SearchEngine
from wandbsweep.search.guard import GuardedOptimizer
from wandbsweep.sweep.search_order import SearchOrder
from wandbsweep.sweep.searching import Engine
from wandbsweep.tracking.errors import Unreachable
from wandbsweep.tracking.search_runs import ALIVE, FAILED, RecordedRun, SearchLook

if TYPE_CHECKING:
    from collections.abc import Sequence

SWEEP = SweepInfo("s", "sweep", "e", "p", {"metric": {"name": "loss"}}, "c")
OPTUNA = SweepInfo(
    "s",
    "sweep",
    "e",
    "p",
    {
        "metric": {"name": "loss"},
        "scheduler": {"engine": "optuna"},
        "parameters": {"lr": {"distribution": "uniform", "min": 0, "max": 1}},
    },
    "c",
)
GOOD = {"loss": 0.5}


class Listener(SearchEngine):
    """An engine of this package that suggests numbers and remembers what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, RunState]] = []
        self.asked: list[int] = []
        self.runs_out_after = 100
        self.breaks = False
        super().__init__(SWEEP, SearchOrder(Engine.PROTEIN, "sweep", {}, None), Silent())

    def ask_n_runs(self, n: int) -> Sequence[RunSuggestion] | None:
        self.asked.append(n)
        if self.breaks:
            raise ZeroDivisionError("no numbers left")
        left = self.runs_out_after - sum(self.asked[:-1])
        return [RunSuggestion(RunConfig.from_values({"x": i}), f"s{len(self.asked)}.{i}") for i in range(min(n, left))]

    def tell_run(self, run_id: Any, data: RunWithMetrics) -> None:
        self.heard.append((run_id, data.state))

    def tell_existing_finished_run(self, data: RunWithMetrics) -> None:
        self.heard.append((data.wandb_run_id, data.state))

    def tell_existing_active_run(self, data: Run) -> str:
        self.heard.append((data.wandb_run_id, data.state))
        return f"adopted-{data.wandb_run_id}"

    def forget_run(self, run_id: Any) -> None:
        self.heard.append((run_id, RunState.UNKNOWN))

    def why(self, run_id: str) -> str:
        return run_id

    @property
    def ends(self) -> list[tuple[str, RunState]]:
        return [(run_id, state) for run_id, state in self.heard if state.value not in (*ALIVE, "unknown")]


class Silent:
    """Results that nobody reads."""

    def record(self, *_: object, **__: object) -> None:
        pass


@dataclass
class Wandb:
    """The runs of the sweep as W&B has them."""

    runs: dict[str, RecordedRun] = field(default_factory=dict)
    state: str = "RUNNING"
    is_away: bool = False

    def has(self, run_id: str, state: str, **summary: Any) -> None:
        self.runs[run_id] = RecordedRun(run_id, state, {"x": 1}, summary)

    def look(self) -> SearchLook:
        self._answer()
        states = {run.run_id: run.state for run in self.runs.values()}
        return SearchLook(
            self.state,
            len(states),
            sum(state in FAILED for state in states.values()),
            {run_id: state for run_id, state in states.items() if state in ALIVE},
        )

    def read(self, run_ids: Sequence[str]) -> dict[str, RecordedRun]:
        self._answer()
        return {run_id: self.runs[run_id] for run_id in run_ids if run_id in self.runs}

    def _answer(self) -> None:
        if self.is_away:
            raise Unreachable("W&B is away")


@dataclass
class Lease:
    """A lease that the test takes and gives."""

    held: bool = True
    confirmed: bool = True

    def holds(self) -> bool:
        return self.held

    def confirm(self) -> bool:
        return self.confirmed


@dataclass
class Search:
    """A guarded engine and all around it."""

    engine: Any = field(default_factory=Listener)
    wandb: Wandb = field(default_factory=Wandb)
    lease: Lease = field(default_factory=Lease)
    budget: Budget = field(default_factory=lambda: Budget(5, 3))
    was_ready: int = 0

    def __post_init__(self) -> None:
        self.guard = GuardedOptimizer(
            SWEEP,
            self.engine,
            runs=self.wandb,
            leader=self.lease,
            budget=lambda: self.budget,
            on_ready=self._ready,
        )

    def _ready(self) -> None:
        self.was_ready += 1


def a_run(run_id: str, state: RunState, **summary: Any) -> RunWithMetrics:
    return RunWithMetrics(RunConfig.from_values({"x": 1}), state, run_id, summary, [])


@pytest.fixture
def search() -> Search:
    return Search()


def test_a_run_that_finished_without_the_metric_is_no_failed_one(search):
    search.wandb.has("r1", "finished")
    search.wandb.has("r2", "failed")

    search.guard.tell_existing_finished_run(a_run("r1", RunState.FAILED))
    search.guard.tell_existing_finished_run(a_run("r2", RunState.FAILED))
    search.guard.should_terminate_sweep()

    assert search.engine.ends == [("r1", RunState.FINISHED), ("r2", RunState.FAILED)]


def test_the_same_holds_for_a_run_that_is_watched(search):
    search.wandb.has("r1", "finished")

    search.guard.tell_run("s1", a_run("r1", RunState.FAILED))

    assert search.engine.ends == [("s1", RunState.FINISHED)]


def test_wandbs_own_engines_hear_of_such_a_run_that_it_failed():
    search = Search(engine=make_optimizer(OPTUNA))
    search.wandb.has("r1", "finished")
    (suggestion,) = search.engine.ask_n_runs(1)

    search.guard.tell_run(suggestion.run_id, a_run("r1", RunState.FAILED))

    assert [trial.state.name for trial in search.engine.study.trials] == ["FAIL"]


def test_a_preempted_run_is_in_flight_until_it_has_ended_for_good(search):
    search.wandb.has("r1", "preempted")
    search.guard.tell_run("s1", a_run("r1", RunState.PREEMPTED))
    assert search.engine.ends == []
    assert len(search.guard.ask_n_runs(10)) == 2

    search.wandb.has("r1", "finished", **GOOD)
    search.guard.ask_n_runs(10)

    assert search.engine.ends == [("s1", RunState.FINISHED)]


def test_a_run_that_was_preempted_before_this_search_began_is_followed_too(search):
    search.wandb.has("r1", "preempted")
    search.guard.tell_existing_finished_run(a_run("r1", RunState.PREEMPTED))

    search.wandb.has("r1", "failed")
    search.guard.ask_n_runs(10)

    assert search.engine.heard == [("r1", RunState.PREEMPTING), ("adopted-r1", RunState.FAILED)]


def test_a_run_that_somebody_else_put_into_the_sweep_counts_and_is_followed(search):
    search.wandb.has("foreign", "pending")

    assert len(search.guard.ask_n_runs(10)) == 2
    for number, suggestion in enumerate(("s1.0", "s1.1")):
        search.guard.tell_run(suggestion, a_run(f"r{number}", RunState.RUNNING))
    search.wandb.has("foreign", "finished", **GOOD)
    search.guard.ask_n_runs(10)

    assert ("adopted-foreign", RunState.FINISHED) in search.engine.heard


def test_a_stray_run_that_is_deleted_counts_no_more(search):
    search.wandb.has("foreign", "pending")
    search.guard.ask_n_runs(10)
    search.wandb.runs.clear()

    for _ in range(3):
        search.guard.ask_n_runs(10)

    assert search.engine.ends == [("adopted-foreign", RunState.FAILED)]


def test_a_suggestion_that_wandb_did_not_take_is_forgotten_and_made_again(search):
    search.budget = Budget(2, 2)
    first = search.guard.ask_n_runs(10)
    assert search.guard.ask_n_runs(10) is None

    for suggestion in first:
        search.guard.forget_run(suggestion.run_id)

    assert len(search.guard.ask_n_runs(10)) == 2


def test_the_sweep_is_not_ended_while_a_run_may_still_fail(search):
    search.budget = Budget(1, 3)
    (suggestion,) = search.guard.ask_n_runs(10)
    search.guard.tell_run(suggestion.run_id, a_run("r1", RunState.RUNNING))
    search.wandb.has("r1", "running")
    assert search.guard.ask_n_runs(10) is None

    search.wandb.has("r1", "failed")
    search.guard.tell_run(suggestion.run_id, a_run("r1", RunState.FAILED, **GOOD))

    assert search.guard.ask_n_runs(10) == []


def test_an_engine_with_nothing_more_to_try_is_asked_again_while_a_run_is_alive(search):
    search.budget = Budget(None, 3)
    search.engine.runs_out_after = 1
    (suggestion,) = search.guard.ask_n_runs(10)
    search.guard.tell_run(suggestion.run_id, a_run("r1", RunState.RUNNING))
    search.wandb.has("r1", "running")

    assert search.guard.ask_n_runs(10) is None
    search.wandb.has("r1", "finished", **GOOD)
    search.guard.tell_run(suggestion.run_id, a_run("r1", RunState.FINISHED, **GOOD))
    assert search.guard.ask_n_runs(10) == []
    assert search.guard.why_over == "protein has nothing more to try"


def test_without_the_lease_nothing_is_suggested(search):
    search.lease.held = False

    assert search.guard.ask_n_runs(10) is None
    assert search.engine.asked == []


def test_a_suggestion_does_not_leave_when_the_lease_went_while_it_was_made(search):
    search.lease.confirmed = False

    assert search.guard.ask_n_runs(10) is None
    assert len(search.engine.heard) == 3
    assert not search.guard.hands_out


def test_suggestions_are_on_their_way_until_the_scheduler_is_back(search):
    search.guard.ask_n_runs(10)
    assert search.guard.hands_out

    search.guard.should_terminate_sweep()

    assert not search.guard.hands_out


@pytest.mark.parametrize("state", ["PAUSED", "FINISHED", "CANCELED"])
def test_a_sweep_that_takes_no_runs_is_offered_none(search, state):
    search.wandb.state = state

    assert search.guard.ask_n_runs(10) is None


def test_while_wandb_is_away_nothing_is_suggested_and_nothing_fails(search):
    search.wandb.is_away = True

    search.guard.tell_existing_finished_run(a_run("r1", RunState.FAILED))
    search.guard.tell_run("s2", a_run("r2", RunState.FAILED))
    assert search.guard.ask_n_runs(10) is None
    assert search.was_ready == 0

    search.wandb.is_away = False
    search.wandb.has("r1", "finished")
    search.wandb.has("r2", "failed")
    assert search.guard.ask_n_runs(10)
    assert search.engine.ends == [("r1", RunState.FINISHED), ("s2", RunState.FAILED)]
    assert search.was_ready == 1


def test_an_engine_that_breaks_when_it_is_asked_ends_the_search_with_its_error(search):
    search.engine.breaks = True

    with pytest.raises(ZeroDivisionError):
        search.guard.ask_n_runs(10)

    assert isinstance(search.guard.failure, ZeroDivisionError)


def test_a_run_that_the_engine_cannot_take_still_counts(search, monkeypatch):
    def refuse(_: Run) -> str:
        raise ValueError("what is this")

    monkeypatch.setattr(search.engine, "tell_existing_active_run", refuse)
    search.wandb.has("r1", "running")
    known_as = search.guard.tell_existing_active_run(Run(RunConfig({}), RunState.RUNNING, "r1"))

    search.guard.tell_run(known_as, a_run("r1", RunState.RUNNING))

    assert len(search.guard.ask_n_runs(10)) == 2
    assert search.guard.prune_runs([known_as], [a_run("r1", RunState.RUNNING)]) == []
