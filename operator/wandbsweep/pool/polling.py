"""How often to look at the W&B server: often while runs come and go, rarely while a sweep is quiet.

Polls fall on multiples of their interval, so that the sweeps of one account come due together and share a request.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wandbsweep.pool.facts import SweepReading

FASTEST = timedelta(seconds=5)  # the stock agent's own tick: nothing changes faster
SLOWEST = timedelta(seconds=10)  # an end on W&B releases the pods within 15 s
QUIET_PERIODS_PER_POLL = 12  # after two quiet minutes the pace slows down

_EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)


def poll_interval(reading: SweepReading) -> timedelta:
    """The time between two looks at this sweep: a power of two times the fastest, so that polls line up."""
    quiet = (reading.read_at - reading.quiet_since) / QUIET_PERIODS_PER_POLL
    interval = FASTEST
    while interval * 2 <= min(quiet, SLOWEST):
        interval *= 2
    return interval


def next_poll(reading: SweepReading) -> datetime:
    """The first common poll time after this reading."""
    interval = poll_interval(reading)
    return _EPOCH + ((reading.read_at - _EPOCH) // interval + 1) * interval
