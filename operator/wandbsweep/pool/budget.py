"""How many runs a sweep may have, and which of its runs count.

W&B counts every run. A sweep with a search of its own replaces what failed: its failed and crashed runs are apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandbsweep.api.reasons import ConditionType
from wandbsweep.pool.facts import SweepState
from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.sweep.searching import engine_of

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot, SweepReading


def is_searched(snapshot: Snapshot) -> bool:
    """Whether the sweep needs a search beside W&B's server.

    Of a sweep that exists the condition tells it also when its definition cannot be read any more.
    """
    if snapshot.spec.sweep_id is not None:
        return False  # whoever made the sweep searches it
    if snapshot.searched is not None:
        return True
    if snapshot.path is not None:
        return snapshot.status.condition(ConditionType.SEARCH_READY) is not None
    return snapshot.definition is not None and engine_of(snapshot.definition) is not None


def is_scan(snapshot: Snapshot) -> bool:
    """Whether the trials of the sweep are known beforehand, each with its name."""
    method = snapshot.searched.method if snapshot.searched else snapshot.status.method
    return method == SCAN and is_searched(snapshot)


def run_cap(snapshot: Snapshot) -> int | None:
    """The budget of runs: the object's, else the one that the sweep carries on W&B."""
    if snapshot.spec.max_runs is not None:
        return snapshot.spec.max_runs
    return snapshot.reading.run_cap if snapshot.reading else None


def runs_apart(snapshot: Snapshot, reading: SweepReading) -> int:
    """The runs that do not use the budget."""
    return reading.count("failed", "crashed") if is_searched(snapshot) else 0


def runs_that_count(snapshot: Snapshot, reading: SweepReading) -> int:
    """The runs that use the budget, or may yet come to use it."""
    return reading.total_runs - runs_apart(snapshot, reading)


def gave_up(snapshot: Snapshot, reading: SweepReading) -> bool:
    """Whether so many runs failed that the search replaces them no more: as many as the budget has."""
    cap = run_cap(snapshot)
    return cap is not None and runs_apart(snapshot, reading) >= cap


def scan_size(snapshot: Snapshot, reading: SweepReading) -> int | None:
    """How many trials a scan has; None for other methods, and where it is not known."""
    if not is_scan(snapshot):
        return None
    return reading.grid_size or (len(snapshot.searched.trials) if snapshot.searched else 0) or None


def scan_is_done(snapshot: Snapshot, reading: SweepReading) -> bool:
    """Whether every trial of a scan was run. Whether failed ones are run again, only the search knows."""
    size = scan_size(snapshot, reading)
    if size is None or reading.total_runs < size:
        return False
    return reading.state is SweepState.FINISHED or not snapshot.spec.search.retry_failed
