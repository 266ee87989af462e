"""What the verdict on a scan says of the trials that have no run that ended well, and how they are run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.pool import budget

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot, SweepReading

NAMED: Final = 5


def sentence(snapshot: Snapshot, reading: SweepReading) -> str:
    """Which trials of a scan failed; nothing where none did, and for other methods."""
    count = _count(snapshot, reading)
    if not count:
        return ""
    names = list(dict.fromkeys(failure.name for failure in reading.latest_failures))[: min(NAMED, count)]
    named = f" ({', '.join(names)}{' and others' if count > len(names) else ''})" if names else ""
    told = snapshot.spec.search.retry_failed
    return (
        f" {count} of {budget.scan_size(snapshot, reading)} trials failed{named}: to run them again, set "
        f"spec.search.retryFailed to {told + 1} or more."
    )


def _count(snapshot: Snapshot, reading: SweepReading) -> int:
    """Trials that were run, and of which no run ended well. One that was stopped did not fail."""
    size = budget.scan_size(snapshot, reading)
    if size is None or not budget.runs_apart(snapshot, reading):
        return 0
    return max(min(size, reading.total_runs) - reading.count("finished", "killed"), 0)
