"""The end of a searched sweep waits a moment for its search, whose last words belong to the result.

When the last runs have ended the search still writes into them what they amount to, and which of them are the front.
It ends by itself then; W&B is looked at once more, and the verdict follows. No end waits longer than a minute, and one
that a limit or a person brought about does not wait at all.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wandbsweep.api.reasons import Reason
from wandbsweep.pool import limits
from wandbsweep.pool.budget import is_searched
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.retries import STAMP_PRECISION, ended_since
from wandbsweep.pool.searching import newest

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.verdict import Verdict

PATIENCE: Final = timedelta(seconds=60)
_LOOK_AGAIN: Final = timedelta(seconds=5)

_BY_ITSELF: Final = frozenset(
    {
        Reason.RUN_CAP_REACHED,
        Reason.GRID_EXHAUSTED,
        Reason.SWEEP_FINISHED,
        Reason.SEARCH_GAVE_UP,
        Reason.ALL_RUNS_FAILED,
    }
)


def waits_for_search(snapshot: Snapshot, verdict: Verdict) -> timedelta | None:
    """When to look again at a sweep that would be over but for its search; None where nothing has to be waited for."""
    reading, search = snapshot.reading, newest(snapshot)
    if reading is None or search is None or not is_searched(snapshot) or search.sweep != snapshot.status.sweep_path:
        return None
    if verdict.reason not in _BY_ITSELF or limits.gpu_hours_used(snapshot):
        return None
    if snapshot.now - reading.quiet_since >= PATIENCE or search.deleting:
        return None
    if search.phase is JobPhase.ACTIVE:
        return _LOOK_AGAIN
    return STAMP_PRECISION if ended_since(search.finished_at, reading.read_at) else None
