"""What a slot has been through: its Jobs, the failures among them, and how soon it gets the next agent."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from wandbsweep.pool.facts import JobPhase

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from wandbsweep.pool.facts import AgentJob

FIRST_RETRY_DELAY = timedelta(seconds=10)
LONGEST_RETRY_DELAY = timedelta(minutes=5)
STAMP_PRECISION = timedelta(seconds=1)  # Kubernetes writes whole seconds


def jobs_by_slot(jobs: Iterable[AgentJob]) -> dict[int, list[AgentJob]]:
    """The Jobs of each slot, oldest attempt first."""
    slots: dict[int, list[AgentJob]] = defaultdict(list)
    for job in sorted(jobs, key=lambda job: (job.slot, job.attempt)):
        slots[job.slot].append(job)
    return slots


def failures_in_a_row(jobs: Sequence[AgentJob]) -> int:
    """How many of a slot's newest ended Jobs failed one after the other, with the same template."""
    ended = [job for job in jobs if job.phase is not JobPhase.ACTIVE]
    alike = takewhile(lambda job: job.digest == ended[-1].digest, reversed(ended))
    return sum(1 for _ in takewhile(lambda job: job.failed, alike))


def retry_delay(failures: int) -> timedelta:
    """The pause before a slot gets its next agent: none after a good end, doubled with each failure in a row."""
    if failures == 0:
        return timedelta()
    doublings: int = 2 ** (failures - 1)
    return min(FIRST_RETRY_DELAY * doublings, LONGEST_RETRY_DELAY)


def ended_since(ended_at: datetime | None, moment: datetime) -> bool:
    """Whether a Job or pod may have ended after a look at W&B; agents also end because the sweep is over."""
    return ended_at is not None and moment <= ended_at + STAMP_PRECISION
