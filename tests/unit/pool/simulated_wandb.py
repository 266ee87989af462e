"""A W&B server as far as the planner sees one: sweeps that hand out runs, and what becomes of those."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from wandbsweep.sweep.path import SweepPath


@dataclass
class SimulatedRun:
    """One value of the search. It trains for so many seconds, which a preempted one goes on with."""

    number: int
    left: float
    state: str = "running"
    host: str | None = None
    begun_at: datetime | None = None


@dataclass
class SimulatedSweep:
    """Hands out each of its runs once, preempted ones again. One with a search has only the runs that this asks for."""

    path: SweepPath
    cap: int
    durations: list[float]
    description: str
    state: str = "RUNNING"
    runs: list[SimulatedRun] = field(default_factory=list)
    searched: bool = False

    def next_run(self, host: str, now: datetime) -> SimulatedRun | None:
        """What an agent gets that asks for work."""
        if self.state != "RUNNING":
            return None
        waiting = ("preempted", "pending")
        run = next((run for state in waiting for run in self.runs if run.state == state), None)
        if run is None and not self.searched and len(self.runs) < self.cap:
            run = self._new_run("running")
        if run is not None:
            run.state, run.host, run.begun_at = "running", host, run.begun_at or now
        return run

    def enqueue(self, in_flight: int) -> None:
        """What a search does in each of its steps, from the recorded runs alone."""
        counts = Counter(run.state for run in self.runs)
        lost = counts["failed"] + counts["crashed"]
        waiting = counts["pending"] + counts["running"] + counts["preempted"]
        if self.state != "RUNNING":
            return
        while waiting < in_flight and len(self.runs) - lost < self.cap and lost < self.cap:
            self._new_run("pending")
            waiting += 1
        assert len(self.runs) - lost <= self.cap, "more runs than the budget has"
        if not waiting and (len(self.runs) - lost >= self.cap or lost >= self.cap):
            self.state = "FINISHED"

    def _new_run(self, state: str) -> SimulatedRun:
        number = len(self.runs)
        run = SimulatedRun(number, self.durations[number % len(self.durations)], state)
        self.runs.append(run)
        return run

    @property
    def sends_agents_away(self) -> bool:
        """Whether an agent that asks is told that the sweep is over; while a run goes on it has to wait."""
        if self.searched:
            return self.state in {"FINISHED", "CANCELED"}
        goes_on = any(run.state in {"running", "preempted"} for run in self.runs)
        return self.state in {"FINISHED", "CANCELED"} or (len(self.runs) >= self.cap and not goes_on)

    def counts(self) -> dict[str, int]:
        return dict(Counter(run.state for run in self.runs))

    def busy(self) -> dict[str, datetime]:
        """Since when each host has its run."""
        return {run.host: run.begun_at for run in self.runs if run.state == "running" and run.host and run.begun_at}
