"""How many runs may be handed out: a pure count, held against sweeps in which anything happens to runs."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.search.budget import Budget, Count, Ledger

FAILED = ("failed", "crashed")
ALIVE = ("pending", "running", "preempting", "preempted")
STATES = (*ALIVE, "finished", "killed", *FAILED)


@pytest.mark.parametrize(
    ("max_runs", "in_flight", "count", "room"),
    [
        (5, 3, Count(alive=0, committed=0, failed=0), 3),
        (5, 3, Count(alive=2, committed=4, failed=0), 1),
        (5, 3, Count(alive=0, committed=4, failed=2), 1),
        (5, 3, Count(alive=0, committed=5, failed=0), 0),
        (5, 3, Count(alive=0, committed=2, failed=5), 0),
        (5, 0, Count(alive=0, committed=0, failed=0), 0),
        (5, 1, Count(alive=3, committed=3, failed=0), 0),
        (None, 3, Count(alive=1, committed=90, failed=90), 2),
    ],
)
def test_room_is_what_budget_and_agents_leave(max_runs, in_flight, count, room):
    assert Budget(max_runs, in_flight).room(count) == room


def test_a_budget_is_not_spent_while_a_run_may_still_fail():
    assert not Budget(5, 3).is_spent(Count(alive=1, committed=5, failed=0))
    assert Budget(5, 3).is_spent(Count(alive=0, committed=5, failed=0))


def test_why_a_budget_is_spent_is_told_apart():
    assert Budget(5, 3).in_words(Count(alive=0, committed=5, failed=2)) == "the run cap (5) is used up"
    assert "5 runs failed" in Budget(5, 3).in_words(Count(alive=0, committed=2, failed=5))


def test_a_suggestion_counts_until_it_is_seen_as_a_run_and_not_twice_then():
    ledger = Ledger()
    ledger.suggest("s1")
    assert ledger.count().committed == 1

    ledger.see("r1", "pending", "s1")

    assert ledger.count() == Count(alive=1, committed=1, failed=0)


def test_a_run_that_only_wandb_knows_counts():
    assert Ledger().count(total=3, failed=1, alive=1) == Count(alive=1, committed=2, failed=1)


class SweepOnWandb:
    """Runs that end in any way, a listing of them that lags, and searches that are killed and begin anew."""

    def __init__(self, random: Random, max_runs: int, agents: int) -> None:
        self.random = random
        self.budget = Budget(max_runs, agents)
        self.states: dict[str, str] = {}
        self.listed: dict[str, str] = {}
        self.ledger = Ledger()

    def step(self) -> None:
        moves = (self._something_happens, self._listing_catches_up, self._search_hears, self._search_asks)
        self.random.choices((*moves, self._search_begins_anew), (6, 3, 4, 6, 1))[0]()

    def finish_what_is_left(self) -> None:
        for _ in range(400):
            for run in [run for run, state in self.states.items() if state in ALIVE]:
                self.states[run] = self.random.choice(("finished", "finished", "killed", "failed"))
            self._listing_catches_up()
            self._search_hears()
            if self.budget.is_spent(self._count()):
                return
            self._search_asks()
        raise AssertionError("the search does not end")

    @property
    def committed(self) -> int:
        return sum(state not in FAILED for state in self.states.values())

    @property
    def failed(self) -> int:
        return len(self.states) - self.committed

    def _something_happens(self) -> None:
        if alive := [run for run, state in self.states.items() if state in ALIVE]:
            self.states[self.random.choice(alive)] = self.random.choice(STATES[1:])

    def _listing_catches_up(self) -> None:
        self.listed = dict(self.states)

    def _search_hears(self) -> None:
        for run, state in self.states.items():
            self.ledger.see(run, state)

    def _search_begins_anew(self) -> None:
        """It is told of all runs: W&B's scheduler asks again for what it was told to enqueue."""
        self.ledger = Ledger()
        self._search_hears()

    def _search_asks(self) -> None:
        for _ in range(self.budget.room(self._count())):
            run = f"r{len(self.states)}"
            self.ledger.suggest(run)
            self.states[run] = "pending"
            self.ledger.see(run, "pending", run)

    def _count(self) -> Count:
        states = list(self.listed.values())
        return self.ledger.count(
            total=len(states),
            failed=sum(state in FAILED for state in states),
            alive=sum(state in ALIVE for state in states),
        )


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 5), st.integers(0, 200))
def test_no_run_too_many_and_none_too_few_whatever_happens(seed, max_runs, agents, steps):
    sweep = SweepOnWandb(Random(seed), max_runs, agents)

    for _ in range(steps):
        sweep.step()
        assert sweep.committed <= max_runs
        assert sum(state in ALIVE for state in sweep.states.values()) <= agents
    sweep.finish_what_is_left()

    assert sweep.committed == max_runs or sweep.failed >= max_runs
    assert sweep.failed < max_runs + agents
