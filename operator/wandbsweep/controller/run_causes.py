"""Why runs ended, as their tags on W&B say; a bad end without a tag is told by the state of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.agent.causes import NODE_TAG_PREFIX, Cause
from wandbsweep.pool.facts import FailedRun
from wandbsweep.tracking.protocol import RunTags

if TYPE_CHECKING:
    from wandbsweep.tracking import protocol

_NO_FAILURES: Final = (Cause.FINISHED, Cause.STOPPED, Cause.PREEMPTED)
_BY_TAG: Final[dict[str, Cause]] = {cause.tag: cause for cause in Cause if cause is not Cause.FINISHED}
_BY_STATE: Final[dict[str, Cause]] = {
    "failed": Cause.TRAINER_ERROR,
    "crashed": Cause.NODE_LOST,
    "killed": Cause.STOPPED,
}
"""A trainer that nobody watched over, a run that fell silent, one that somebody stopped on W&B."""

RUN_TAGS: Final = RunTags(
    failing=tuple(cause.tag for cause in Cause if cause not in _NO_FAILURES),
    settling=(Cause.STOPPED.tag,),
    lasting=(Cause.PREEMPTED.tag,),
)
"""The tags that readings count."""


def count_causes(answer: protocol.SweepReading) -> dict[Cause, int]:
    """How many runs each cause has; causes that did not occur are left out."""
    counts = {cause: answer.tag_counts.get(tag, 0) for tag, cause in _BY_TAG.items()}
    for state, cause in _BY_STATE.items():
        counts[cause] += answer.untagged.get(state, 0)
    return {cause: count for cause, count in counts.items() if count}


def count_unexplained(answer: protocol.SweepReading) -> int:
    """How many runs are counted as failures of the user's code for want of a tag that says otherwise."""
    return sum(answer.untagged.get(state, 0) for state, cause in _BY_STATE.items() if cause.of_user)


def failed_run(run: protocol.FailedRun) -> FailedRun:
    """A run that ended badly, with its cause and its node where they are known."""
    causes = [_BY_TAG[tag] for tag in run.tags if tag in RUN_TAGS.ending]
    node = next((tag.removeprefix(NODE_TAG_PREFIX) for tag in run.tags if tag.startswith(NODE_TAG_PREFIX)), None)
    cause = causes[0] if causes else _BY_STATE.get(run.state, Cause.TRAINER_ERROR)
    return FailedRun(run.run_id, run.name, run.url, cause, node, run.seen_at, explained=bool(causes))
