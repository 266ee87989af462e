"""How many agents there is work for: `agentCount`, or fewer where fewer runs are left than that.

Whether a server sends agents home that will get no run any more is its own affair: the embedded one lets them wait to
the sweep's end, since a run may yet be preempted. GPUs are not held for that: a run that comes back has its own agent,
or gets a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandbsweep.pool.budget import is_searched, run_cap, runs_apart, scan_size

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot, SweepReading


def runs_left(snapshot: Snapshot, reading: SweepReading) -> int | None:
    """The runs that have not ended, and those that may still be handed out; None without an end that is known."""
    ended = reading.total_runs - reading.open_runs
    cap, size = run_cap(snapshot), reading.grid_size
    left = [] if cap is None else [cap - ended + runs_apart(snapshot, reading)]
    if is_searched(snapshot):
        size = None if snapshot.spec.search.retry_failed else scan_size(snapshot, reading)
    if size is not None:
        left.append(size - ended)
    return max(min(left), 0) if left else None


def wanted_agents(snapshot: Snapshot) -> int:
    """The size of the pool now. More than one agent for each run that is left would hold GPUs for nothing."""
    left = runs_left(snapshot, snapshot.reading) if snapshot.reading else None
    return snapshot.spec.agent_count if left is None else min(snapshot.spec.agent_count, left)
