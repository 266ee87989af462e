"""A finished scan is taken up again to run its failed trials once more: the one edit that takes a verdict back.

`status.retriedFailed` is what the search was last told. Once spec.search.retryFailed is above it, the sweep is made to
run on W&B, and only when that is done the verdict is taken back; whatever dies in between, the next pass does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.pool.actions import SetSweepState
from wandbsweep.sweep.rendering.launch import SCAN

if TYPE_CHECKING:
    from wandbsweep.api.status import WandbSweepStatus
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.outcome import Outcome

_ENDS: Final = frozenset({Reason.GRID_EXHAUSTED, Reason.SWEEP_FINISHED, Reason.ALL_RUNS_FAILED})
"""Ends that leave something to run. Where a limit, a cancellation or a deletion ended the sweep, it stays over."""


def wants_retake(snapshot: Snapshot) -> bool:
    """Whether a finished scan has failed trials that its object now wants to be run again."""
    status, told = snapshot.status, snapshot.status.retried_failed
    if not snapshot.terminal or snapshot.deleted_at or status.method != SCAN or told is None:
        return False
    failed = status.runs is not None and status.runs.failed + status.runs.crashed > 0
    return failed and snapshot.spec.search.retry_failed > told and _end(status) in _ENDS


def retake(snapshot: Snapshot) -> SetSweepState | None:
    """Makes the sweep run again. Not with a definition that was edited since: that would be another sweep."""
    if (
        not wants_retake(snapshot)
        or snapshot.searched is None
        or snapshot.path is None
        or snapshot.scheduler_unsupported
    ):
        return None
    return SetSweepState(snapshot.path, "RUNNING", why=Reason.SCAN_RETAKEN, revive=True)


def was_retaken(outcome: Outcome) -> bool:
    """Whether a sweep that was over runs again since this pass."""
    return any(isinstance(done, SetSweepState) and done.why is Reason.SCAN_RETAKEN for done in outcome.on_wandb)


def without_verdict(status: WandbSweepStatus) -> WandbSweepStatus:
    """The status of an object that is not over any more. Its conditions are found anew."""
    return status.model_copy(update={"completion_time": None, "sweep_state": "RUNNING"})


def _end(status: WandbSweepStatus) -> Reason | None:
    true = (status.condition(kind) for kind in (ConditionType.COMPLETE, ConditionType.FAILED))
    return next((each.reason for each in true if each and each.status is ConditionStatus.TRUE), None)
