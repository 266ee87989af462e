"""Remembers for a moment that W&B could not be asked for an object, so that passes in between ask in vain no more.

A pass may be woken at any time, by a pod or an edit. A server that asked for patience gets it all the same, and a pass
that has agents to take down does not wait once more for a server that does not answer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from wandbsweep.pool.facts import Problem

LEFT_ALONE: Final = timedelta(seconds=9)  # a little less than the time after which a pass comes by itself


class _Trouble(NamedTuple):
    problem: Problem
    until: datetime


class Troubles:
    """The last trouble of each object, while it is fresh."""

    def __init__(self) -> None:
        self._by_uid: dict[str, _Trouble] = {}

    def note(self, uid: str, problem: Problem, now: datetime) -> None:
        """W&B could not be asked; it is left alone for a moment, or as long as it asked for."""
        self._by_uid[uid] = _Trouble(problem, now + max(LEFT_ALONE, problem.retry_after or LEFT_ALONE))

    def fresh(self, uid: str, now: datetime) -> Problem | None:
        """The trouble, while asking again would be too soon."""
        trouble = self._by_uid.get(uid)
        if trouble and now >= trouble.until:
            del self._by_uid[uid]
            return None
        return trouble.problem if trouble else None

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._by_uid.pop(uid, None)
