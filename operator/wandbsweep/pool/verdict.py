"""Is the sweep over, and how did it end? Read from W&B's run states, never from how a Job ended.

The stock agent exits 0 for nearly every bad ending, so that a Job's success says nothing about the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandbsweep.api.reasons import Reason
from wandbsweep.pool.facts import SweepState

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot, SweepReading


@dataclass(frozen=True)
class Verdict:
    """How the sweep ended. `stop_sweep`: W&B would still hand out runs and has to be told."""

    succeeded: bool
    reason: Reason
    message: str
    stop_sweep: bool = False


def run_cap(snapshot: Snapshot) -> int | None:
    """The budget of runs: the object's, else the one that the sweep carries on W&B."""
    if snapshot.spec.max_runs is not None:
        return snapshot.spec.max_runs
    return snapshot.reading.run_cap if snapshot.reading else None


def decide(snapshot: Snapshot) -> Verdict | None:
    """The verdict, or None while the sweep goes on.

    FINISHED on W&B alone is not the end: stopped sweeps let their running runs finish.
    """
    if snapshot.path is None:
        return None
    if snapshot.sweep_missing:
        return Verdict(succeeded=False, reason=Reason.SWEEP_DELETED, message="The sweep was deleted on W&B.")
    reading = snapshot.reading
    if reading is None:
        return None
    if reading.state is SweepState.CANCELED:
        return _failed(reading, Reason.SWEEP_CANCELED, "The sweep was cancelled on W&B")
    if reading.state is SweepState.CRASHED:
        return _failed(reading, Reason.SWEEP_CRASHED, f"W&B gave the sweep up as {reading.state_text}")
    reached = _budget_reached(snapshot, reading)
    if reading.state is SweepState.FINISHED:
        if reading.count("running", "preempting"):
            return None
        return _ended(reading, reached or Reason.SWEEP_FINISHED, stop_sweep=False)
    if reached and not reading.open_runs:
        return _ended(reading, reached, stop_sweep=True)
    return None


def _budget_reached(snapshot: Snapshot, reading: SweepReading) -> Reason | None:
    cap = run_cap(snapshot)
    if cap is not None and reading.total_runs >= cap:
        return Reason.RUN_CAP_REACHED
    if reading.grid_size is not None and reading.total_runs >= reading.grid_size:
        return Reason.GRID_EXHAUSTED
    return None


def _ended(reading: SweepReading, reason: Reason, *, stop_sweep: bool) -> Verdict:
    if reading.total_runs and not reading.count("finished"):
        return Verdict(
            succeeded=False,
            reason=Reason.ALL_RUNS_FAILED,
            message=f"None of the runs finished: {tally(reading)}.",
            stop_sweep=stop_sweep,
        )
    sentence = {
        Reason.RUN_CAP_REACHED: "The run budget is used",
        Reason.GRID_EXHAUSTED: "Every point of the grid was run",
        Reason.SWEEP_FINISHED: "The sweep was finished on W&B",
    }[reason]
    return Verdict(succeeded=True, reason=reason, message=f"{sentence}: {tally(reading)}.", stop_sweep=stop_sweep)


def _failed(reading: SweepReading, reason: Reason, sentence: str) -> Verdict:
    return Verdict(succeeded=False, reason=reason, message=f"{sentence}: {tally(reading)}.")


def tally(reading: SweepReading) -> str:
    """The runs by state in words, such as `11 finished, 1 failed`."""
    counted = [f"{count} {state}" for state, count in sorted(reading.runs_by_state.items()) if count]
    return ", ".join(counted) or "no runs"
