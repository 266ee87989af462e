"""Each pod's hours are counted once, whole, and by what became of them, whatever dies in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOW, PATH, a_job, a_live_object, a_pod, a_status
from wandbsweep.agent.causes import Cause
from wandbsweep.api.reasons import Reason
from wandbsweep.api.status import GPUHours
from wandbsweep.pool.actions import MarkRun
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.gpu_hours import MARKING_PATIENCE, PARTS, exhausted_at, held, marks, next_hours, settled

HOUR = timedelta(hours=1)
JOB = a_job(0, sweep=str(PATH))


LIVE = a_live_object(jobs=(JOB,))


def an_object(*pods, **fields):
    return replace(LIVE, pods=pods, **fields)


def written(snapshot):
    """The status after a pass that did nothing else."""
    return snapshot.status.model_copy(update={"gpu_hours": next_hours(snapshot), "settled_pods": settled(snapshot)})


def an_ended_pod(hours=2.0, *, number=0, **fields):
    started_at = NOW - hours * HOUR
    return a_pod(JOB, uid=f"pod-{number}", name=f"pod-{number}", started_at=started_at, ended_at=NOW, **fields)


def test_a_pod_is_divided_as_its_agent_says_and_what_came_before_the_agent_is_startup():
    seconds = {"startup": 300, "finished": 3600, "failed": 1800, "preempted": 0, "idle": 900}

    hours = next_hours(an_object(an_ended_pod(2.0, gpus=2, seconds=seconds)))

    assert hours.model_dump() == {
        "total": 4.0,
        "active": 0.0,
        "finished": 2.0,
        "failed": 1.0,
        "preempted": 0.0,
        "idle": 0.5,
        "startup": 0.5,
    }


def test_an_agent_whose_clock_ran_ahead_gets_no_more_than_its_pod_had():
    hours = next_hours(an_object(an_ended_pod(1.0, seconds={"finished": 5400, "idle": 1800})))

    assert (hours.total, hours.finished, hours.idle) == (1.0, 0.75, 0.25)


def test_a_pod_without_last_words_was_preempted():
    assert next_hours(an_object(an_ended_pod())).preempted == 2.0


def test_a_pod_that_was_killed_for_its_memory_had_failed():
    assert next_hours(an_object(an_ended_pod(oom_killed=True))).failed == 2.0


def test_a_pod_that_never_started_held_nothing():
    refused = a_pod(JOB, phase="Failed", started_at=NOW - HOUR)
    waiting = a_pod(JOB, phase="Pending", started_at=None, uid="waiting")

    snapshot = an_object(refused, waiting)

    assert next_hours(snapshot).total == 0.0
    assert settled(snapshot) == [refused.uid]


def test_the_list_of_settled_pods_is_no_longer_than_there_are_pods():
    there = a_pod(a_job(0), phase="Succeeded", ended_at=NOW, uid="there")
    snapshot = a_live_object(pods=(there,), status=a_status(settled_pods=["gone", "long-gone", "there"]))

    assert settled(snapshot) == ["there"]
    assert settled(replace(snapshot, pods=())) == []


def test_agents_that_run_are_counted_as_of_the_last_full_five_minutes():
    running = a_pod(JOB, started_at=NOW - HOUR, gpus=4)
    account = [next_hours(an_object(running, now=NOW + timedelta(seconds=s))) for s in (0, 1, 299, 300)]

    assert [hours.active for hours in account] == [4.0, 4.0, 4.0, pytest.approx(4 + 4 * 5 / 60)]
    assert held(an_object(running, now=NOW + timedelta(minutes=3))) == pytest.approx(4.2)


def test_what_vanished_without_an_end_was_preempted():
    before = written(an_object(a_pod(JOB, started_at=NOW - HOUR)))

    hours = next_hours(an_object(status=before))

    assert (hours.active, hours.preempted, hours.total) == (0.0, 1.0, 1.0)


def test_the_end_of_a_limit_is_foreseen():
    running = a_pod(JOB, started_at=NOW - HOUR, gpus=2)

    assert exhausted_at(an_object(running), 5) == NOW + 1.5 * HOUR
    assert exhausted_at(an_object(running), 2) == NOW
    assert exhausted_at(an_object(), 5) is None


KILLED = an_ended_pod(0.5, oom_killed=True, node="gpu-7")
AWAY = Problem(Reason.SERVER_UNREACHABLE, "no answer")


def test_a_run_whose_container_was_killed_for_its_memory_is_tagged_once():
    snapshot = an_object(KILLED)

    assert marks(snapshot) == (MarkRun(PATH, "pod-0", "gpu-7", Cause.OUT_OF_MEMORY, NOW),)
    assert marks(replace(snapshot, status=written(snapshot))) == ()


def test_an_agent_that_could_speak_has_tagged_its_runs_itself():
    assert marks(an_object(an_ended_pod(oom_killed=True, seconds={"failed": 60}))) == ()


def test_a_tag_waits_for_w_and_b_to_return_and_not_for_ever():
    away = an_object(KILLED, wandb_problem=AWAY)
    long_away = replace(away, now=NOW + MARKING_PATIENCE + timedelta(seconds=1))

    assert (marks(away), settled(away), next_hours(away).active) == ((), [], 0.5)
    assert (settled(long_away), next_hours(long_away).total) == (["pod-0"], 0.5)


def test_the_hours_of_a_pod_that_waits_for_its_tag_are_not_taken_for_vanished_ones():
    """It was counted while it lived, then its container was killed while W&B was away, then W&B came back."""
    lived = GPUHours(total=0.5, active=0.5)
    away = an_object(KILLED, wandb_problem=AWAY)
    away = replace(away, status=away.status.model_copy(update={"gpu_hours": lived}))
    back = replace(away, status=written(away), wandb_problem=None)

    assert next_hours(away) == lived
    assert next_hours(back) == GPUHours(total=0.5, failed=0.5)


durations = st.floats(-100, 1e6) | st.sampled_from([float("nan"), float("inf")])
words = st.none() | st.dictionaries(st.sampled_from([*PARTS, "lunch"]), durations)
lives = st.tuples(
    st.integers(0, 20),  # the pass before which it starts
    st.integers(1, 20),  # for how many passes it lives
    st.integers(0, 3),  # for how many passes it can be seen to have ended
    st.integers(0, 8),  # GPUs
    words,
)
LAST = 44  # all have ended and been seen by then
STEP = timedelta(seconds=97)


def pods_at(passing, plan):
    """What a pass would see of pods with these lives."""
    for number, (start, life, seen, gpus, seconds) in enumerate(plan):
        end = start + life
        if start <= passing < end + seen:
            pod = a_pod(JOB, uid=f"pod-{number}", name=f"pod-{number}", gpus=gpus, started_at=NOW + start * STEP)
            ended = {"ended_at": NOW + end * STEP, "phase": "Failed", "ready": False, "seconds": seconds}
            yield replace(pod, **ended) if passing >= end else pod


@settings(max_examples=60, deadline=None)  # 45 passes each, on a machine that has others to run
@given(st.lists(lives, max_size=6), st.sets(st.integers(0, LAST)))
def test_the_total_is_the_sum_of_its_parts_never_falls_and_is_never_counted_twice(plan, lost):
    """In some passes the operator dies before it writes its status."""
    status = a_live_object().status
    for passing in range(LAST + 1):
        snapshot = an_object(*pods_at(passing, plan), now=NOW + passing * STEP, status=status)
        before, after = snapshot.status.gpu_hours or GPUHours(), next_hours(snapshot)
        assert after.total == pytest.approx(after.active + sum(getattr(after, part) for part in PARTS), abs=1e-5)
        assert after.total >= before.total - 1e-5
        assert after.total <= true_hours(plan, passing) + 1e-4
        if passing not in lost:
            status = written(snapshot)
    if all(seen for *_, seen, _, _ in plan) and not lost:
        assert status.gpu_hours.total == pytest.approx(true_hours(plan, LAST), abs=1e-4)


def true_hours(plan, passing):
    return sum(
        max(min(passing - start, life), 0) * STEP.total_seconds() / 3600 * gpus for start, life, _, gpus, _ in plan
    )
