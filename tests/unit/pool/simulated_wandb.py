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
    """Hands out each of its runs once, preempted ones again."""

    path: SweepPath
    cap: int
    durations: list[float]
    description: str
    state: str = "RUNNING"
    runs: list[SimulatedRun] = field(default_factory=list)

    def next_run(self, host: str, now: datetime) -> SimulatedRun | None:
        """What an agent gets that asks for work."""
        if self.state != "RUNNING":
            return None
        run = next((run for run in self.runs if run.state == "preempted"), None)
        if run is None and len(self.runs) < self.cap:
            number = len(self.runs)
            run = SimulatedRun(number, self.durations[number % len(self.durations)])
            self.runs.append(run)
        if run is not None:
            run.state, run.host, run.begun_at = "running", host, run.begun_at or now
        return run

    @property
    def sends_agents_away(self) -> bool:
        """Whether an agent that asks is told that there is nothing left for it."""
        waits = any(run.state == "preempted" for run in self.runs)
        return self.state in {"FINISHED", "CANCELED"} or (len(self.runs) >= self.cap and not waits)

    def counts(self) -> dict[str, int]:
        return dict(Counter(run.state for run in self.runs))

    def busy(self) -> dict[str, datetime]:
        """Since when each host has its run."""
        return {run.host: run.begun_at for run in self.runs if run.state == "running" and run.host and run.begun_at}
