"""The ends that a user sets in `spec.limits`: a value that is good enough, failures, a deadline, hours of GPUs.

Deadline and GPU-hours do not need W&B: they end a sweep also while it cannot be asked.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wandbsweep.api.reasons import ConditionType
from wandbsweep.api.status import ConditionStatus
from wandbsweep.pool import gpu_hours, queueing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from wandbsweep.agent.causes import Cause
    from wandbsweep.pool.facts import Snapshot, SweepReading


EXPLAINED_WITHIN: Final = timedelta(seconds=20)  # how long a launcher may take to say why its trial ended


def target_reached(snapshot: Snapshot, reading: SweepReading) -> bool:
    """Whether the best run is as good as limits.target, in the direction of the metric's goal."""
    target, best = snapshot.spec.limits.target, reading.best
    if target is None or best is None or reading.goal is None:
        return False
    return best.value >= target if reading.goal == "maximize" else best.value <= target


def failures_of_user(reading: SweepReading) -> Mapping[Cause, int]:
    """The failures that the user's code and values brought about, by cause."""
    return {cause: count for cause, count in reading.failures.items() if cause.of_user and count}


def too_many_failures(snapshot: Snapshot, reading: SweepReading) -> bool:
    """Whether limits.maxFailedRuns is reached.

    A run is seen to have failed before its launcher has said why. It counts once it has been without a cause for long
    enough: no sweep is failed for what turns out to be a lost node.
    """
    limit = snapshot.spec.limits.max_failed_runs
    if limit is None:
        return False
    unsettled = reading.unexplained_since is not None and reading.read_at - reading.unexplained_since < EXPLAINED_WITHIN
    failures = sum(failures_of_user(reading).values()) - (reading.unexplained if unsettled else 0)
    return failures >= limit


def gpu_hours_used(snapshot: Snapshot) -> bool:
    """Whether limits.maxGPUHours is used up."""
    limit = snapshot.spec.limits.max_gpu_hours
    return limit is not None and gpu_hours.held(snapshot) >= limit


def deadline(snapshot: Snapshot) -> datetime | None:
    """When limits.activeDeadlineSeconds is over; None without one, before the start, and while suspended.

    The clock starts with the sweep, or when its queue lets the first agent in, and anew with each end of a suspension
    and when a scan is taken up again.
    """
    seconds, started_at = snapshot.spec.limits.active_deadline_seconds, snapshot.status.start_time
    if seconds is None or started_at is None or snapshot.spec.suspend or queueing.waits_for_first(snapshot):
        return None
    suspended = snapshot.status.condition(ConditionType.SUSPENDED)
    if suspended and suspended.status is ConditionStatus.TRUE:
        return None
    pauses = (ConditionType.SUSPENDED, ConditionType.COMPLETE, ConditionType.FAILED)
    ended = [each.last_transition_time for kind in pauses if (each := snapshot.status.condition(kind))]
    return max(started_at, snapshot.status.admission_time or started_at, *ended) + timedelta(seconds=seconds)


def next_moment(snapshot: Snapshot) -> datetime | None:
    """When the next limit is reached if everything goes on as it does, so that a pass comes then."""
    limit = snapshot.spec.limits.max_gpu_hours
    exhausted = gpu_hours.exhausted_at(snapshot, limit) if limit is not None else None
    return min((moment for moment in (deadline(snapshot), exhausted) if moment), default=None)
