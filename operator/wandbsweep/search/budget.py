"""How many more runs a search may hand out: a pure count of what is known of its runs.

W&B lists runs with a delay, and wandb-core tells of those that it watches. Neither alone is exact, so a run counts if
either knows it. A count that is too high for a moment costs a poll; one that is too low would cost a run too many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Standing(Enum):
    """What a run is to the budget."""

    ALIVE = "may still end"
    USED = "finished or stopped"
    FAILED = "failed or crashed: does not use the budget"


STANDINGS = {
    "pending": Standing.ALIVE,
    "running": Standing.ALIVE,
    "preempting": Standing.ALIVE,
    "preempted": Standing.ALIVE,
    "unknown": Standing.ALIVE,
    "finished": Standing.USED,
    "killed": Standing.USED,
    "failed": Standing.FAILED,
    "crashed": Standing.FAILED,
}


@dataclass(frozen=True)
class Count:
    """Runs by what they are to the budget; alive and used together are those that use it."""

    alive: int
    committed: int
    failed: int


@dataclass(frozen=True)
class Budget:
    """How far a search goes. Failed runs are replaced, until as many failed as the budget has."""

    max_runs: int | None
    in_flight: int

    def room(self, count: Count) -> int:
        """How many runs may be handed out now."""
        free = self.in_flight - count.alive
        if self.max_runs is not None:
            free = min(free, self.max_runs - count.committed) if count.failed < self.max_runs else 0
        return max(free, 0)

    def is_spent(self, count: Count) -> bool:
        """Whether nothing will ever be handed out any more."""
        if self.max_runs is None or count.alive:
            return False
        return count.committed >= self.max_runs or count.failed >= self.max_runs

    def in_words(self, count: Count) -> str:
        """Why it is spent."""
        if self.max_runs is not None and count.committed < self.max_runs:
            return f"{count.failed} runs failed, and no more than the run cap ({self.max_runs}) are replaced"
        return f"the run cap ({self.max_runs}) is used up"


@dataclass
class Ledger:
    """What this search itself knows: the runs it was told of, and its suggestions that are no runs yet."""

    standings: dict[str, Standing] = field(default_factory=dict)
    """By W&B's run ID."""
    on_the_way: set[str] = field(default_factory=set)
    """Suggestions by their own ID."""

    def suggest(self, suggestion_id: str) -> None:
        self.on_the_way.add(suggestion_id)

    def forget(self, suggestion_id: str) -> None:
        """It will not become a run."""
        self.on_the_way.discard(suggestion_id)

    def see(self, run_id: str, state: str, suggestion_id: str | None = None) -> None:
        """A run as it was last told; the suggestion that it came from is on the way no more."""
        if suggestion_id is not None:
            self.on_the_way.discard(suggestion_id)
        self.standings[run_id] = STANDINGS.get(state, Standing.ALIVE)

    def drop(self, run_id: str) -> None:
        """The run was deleted."""
        self.standings.pop(run_id, None)

    def count(self, *, total: int = 0, failed: int = 0, alive: int = 0) -> Count:
        """Its own count and W&B's (all runs, those that failed, those alive), whichever is higher."""
        own = list(self.standings.values())
        own_alive = own.count(Standing.ALIVE) + len(self.on_the_way)
        return Count(
            alive=max(own_alive, alive),
            committed=max(own_alive + own.count(Standing.USED), total - failed),
            failed=max(own.count(Standing.FAILED), failed),
        )
