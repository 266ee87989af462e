"""What a condition says, before it is known since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandbsweep.api.status import ConditionStatus

if TYPE_CHECKING:
    from wandbsweep.api.reasons import ConditionType, Reason
    from wandbsweep.pool.facts import Problem, Snapshot


@dataclass(frozen=True)
class Finding:
    """One condition as this pass finds it."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str = ""

    @property
    def true(self) -> bool:
        """Whether the condition holds."""
        return self.status is ConditionStatus.TRUE


def holds(kind: ConditionType, reason: Reason, message: str = "") -> Finding:
    """A condition that is true."""
    return Finding(kind, ConditionStatus.TRUE, reason, message)


def fails(kind: ConditionType, reason: Reason, message: str = "") -> Finding:
    """A condition that is false."""
    return Finding(kind, ConditionStatus.FALSE, reason, message)


def prevented(kind: ConditionType, problem: Problem) -> Finding:
    """A condition that is false because of this problem."""
    return fails(kind, problem.reason, problem.message)


def kept(snapshot: Snapshot, kind: ConditionType) -> Finding | None:
    """The condition as the last pass wrote it, where this one has learned nothing."""
    old = snapshot.status.condition(kind)
    return Finding(kind, old.status, old.reason, old.message) if old else None
