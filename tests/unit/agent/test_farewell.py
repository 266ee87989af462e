"""What W&B is told after a trial: enough that it waits for no trainer that is gone, and nothing about others' runs."""

from __future__ import annotations

import pytest

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.conclusion import Conclusion
from wandbsweep.agent.evaluation import StageSeconds
from wandbsweep.agent.farewell import has_old_cause, needs_last_word, needs_mark
from wandbsweep.agent.wandb_run import RunLook


def ended(cause, state=None, *, died=False, tags=(), stages=None):
    run = None if state is None else RunLook(exists=True, begun=True, state=state, tags=tags)
    return Conclusion(cause, 1, died=died or stages is not None, run=run, stages=stages)


STAGES = StageSeconds(3.0, 1.0)


@pytest.mark.parametrize(
    ("conclusion", "needed"),
    [
        (ended(Cause.TRAINER_ERROR, "failed"), False),
        (ended(Cause.TRAINER_ERROR, "pending"), True),
        (ended(Cause.OUT_OF_MEMORY, "running", died=True), True),
        (ended(Cause.OUT_OF_MEMORY, died=True), True),
        (ended(Cause.TRAINER_ERROR), False),
        (ended(Cause.NAN_METRIC, "finished"), False),
        (ended(Cause.FINISHED, "finished"), False),
        (ended(Cause.FINISHED, "running"), True),
        (ended(Cause.FINISHED, died=True), False),
        (ended(Cause.PREEMPTED, "preempting"), True),
        (ended(Cause.PREEMPTED, "running", died=True), True),
        (ended(Cause.PREEMPTED, "running"), False),
        (ended(Cause.PREEMPTED, "preempted", died=True), False),
        (ended(Cause.FINISHED, "running", stages=STAGES), True),
        (ended(Cause.FINISHED, stages=STAGES), True),
        (ended(Cause.FINISHED, "finished", stages=STAGES), False),
        (ended(Cause.EVALUATION_FAILED, "finished", stages=STAGES), True),
        (ended(Cause.EVALUATION_FAILED, "killed", stages=STAGES), False),
        (ended(Cause.PREEMPTED, "running", stages=STAGES), True),
        (ended(Cause.PREEMPTED, "preempted", stages=STAGES), False),
    ],
)
def test_the_last_word_is_said_for_a_trainer_that_cannot_have_said_it(conclusion, needed):
    assert needs_last_word(conclusion) is needed


@pytest.mark.parametrize(
    ("conclusion", "needed"),
    [
        (ended(Cause.PREEMPTED, "preempting"), False),
        (ended(Cause.PREEMPTED, "preempted"), False),
        (ended(Cause.PREEMPTED, "failed"), True),
        (ended(Cause.PREEMPTED, "running", died=True), True),
        (ended(Cause.PREEMPTED, "running"), False),
        (ended(Cause.PREEMPTED, died=True), True),
        (ended(Cause.STOPPED, "running", died=True), False),
    ],
)
def test_a_run_that_another_agent_may_have_is_not_marked(conclusion, needed):
    assert needs_mark(conclusion) is needed


@pytest.mark.parametrize(
    ("tags", "old"),
    [((), False), (("mine",), False), (("wandbsweep:preempted",), False), (("wandbsweep:trainer-error", "x"), True)],
)
def test_a_run_that_finished_at_last_loses_its_old_cause_only(tags, old):
    assert has_old_cause(ended(Cause.FINISHED, "finished", tags=tags)) is old
