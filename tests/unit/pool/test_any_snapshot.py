"""What holds of every plan and every status, whatever a pass may find."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from builders import (
    NOW,
    PATH,
    PROTEIN,
    SCAN,
    a_job,
    a_live_object,
    a_new_object,
    a_pod,
    a_reading,
    a_search,
    a_spec,
    a_status,
    a_sweep,
    a_token,
)
from wandbsweep.agent.causes import Cause
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus, GPUHours, PastSweep, Runs
from wandbsweep.pool.actions import DeleteObject, RemoveAgent, RemoveSearch, SetSweepState, StartAgent, StartSearch
from wandbsweep.pool.budget import is_searched
from wandbsweep.pool.facts import Best, FailedRun, Intent, JobPhase, Problem
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.status import next_status
from wandbsweep.sweep.definition import read_definition

moments = st.integers(-20_000, 300).map(lambda seconds: NOW + timedelta(seconds=seconds))
counts = st.integers(0, 12)
maybe = st.none() | st.just(True)
problems = st.sampled_from(
    [
        Problem(Reason.SERVER_UNREACHABLE, "no answer"),
        Problem(Reason.RATE_LIMITED, "slow down", timedelta(seconds=90)),
        Problem(Reason.SECRET_NOT_FOUND, "no Secret"),
    ]
)
mistakes = st.sampled_from([Problem(Reason.SWEEP_INVALID, "a mistake"), Problem(Reason.TEMPLATE_REJECTED, "refused")])
SWEEPS = [a_sweep(), a_sweep(method="grid"), a_sweep(name="other", run_cap=5), a_sweep(**PROTEIN), a_sweep(**SCAN)]
sweeps = st.sampled_from(SWEEPS)
searched = st.sampled_from([read_definition(sweep, field="spec.sweep") for sweep in SWEEPS[-2:]])
tokens = st.sampled_from([a_token(), a_token(2), a_token(1, method="grid"), ""])
run_states = ("pending", "running", "finished", "failed", "crashed", "killed", "preempting", "preempted")
sweep_states = ("PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED", "CRASHED", "MELTED")


@st.composite
def specs(draw):
    fields = {
        "sweep": draw(sweeps),
        "agentCount": draw(st.integers(0, 4)),
        "maxRuns": draw(st.none() | st.integers(1, 12)),
        "runsPerAgent": draw(st.none() | st.integers(1, 3)),
        "suspend": draw(st.booleans()),
        "search": {"retryFailed": draw(st.integers(0, 2))},
        "drainPolicy": draw(st.sampled_from(["AtOnce", "AfterRun"])),
        "deletionPolicy": draw(st.sampled_from([None, "Stop", "Cancel", "Retain"])),
        "ttlSecondsAfterFinished": draw(st.none() | st.integers(0, 10_000)),
        "limits": {
            "maxFailedRuns": draw(st.none() | st.integers(1, 9)),
            "maxGPUHours": draw(st.none() | st.floats(0.1, 20)),
            "activeDeadlineSeconds": draw(st.none() | st.integers(1, 20_000)),
            "target": draw(st.none() | st.floats(-1, 1)),
        },
    }
    return a_spec(**fields)


@st.composite
def readings(draw):
    best = Best("r", "run", "http://wandb.test/r", "reward", draw(st.floats(-1, 1)), {})
    failed = FailedRun("r", "run", "http://wandb.test/r", Cause.STALLED, "gpu-1")
    return a_reading(
        state=draw(st.sampled_from(sweep_states)),
        at=draw(moments),
        run_cap=draw(st.none() | counts),
        grid_size=draw(st.none() | counts),
        best=best if draw(maybe) else None,
        goal=draw(st.sampled_from([None, "minimize", "maximize"])),
        failures=draw(st.dictionaries(st.sampled_from(Cause), counts)),
        latest_failures=(failed,) if draw(maybe) else (),
        display_name=draw(st.sampled_from([None, "anymal"])),
        **{state: draw(counts) for state in run_states},
    )


@st.composite
def statuses(draw):
    has_path, over = draw(st.booleans()), draw(st.booleans())
    return a_status(
        sweep_id=PATH.sweep_id if has_path else None,
        sweep_path=str(PATH) if has_path else None,
        sweep_digest=draw(st.none() | tokens),
        sweep_state=draw(st.sampled_from([None, *sweep_states])),
        suspended=draw(st.sampled_from([Reason.NOT_SUSPENDED, Reason.SUSPENDED, Reason.PAUSED_ON_WANDB])),
        since=draw(moments),
        start_time=draw(st.none() | moments),
        completion_time=draw(moments) if over and has_path else None,
        method=draw(st.sampled_from([None, "random", "scan"])),
        retried_failed=draw(st.none() | st.integers(0, 1)),
        runs=Runs(total=3, finished=1, failed=2) if draw(maybe) else None,
        gpu_hours=GPUHours(total=2, finished=2) if draw(maybe) else None,
        history=[PastSweep(sweep_id=f"old{number}", end_time=NOW) for number in range(draw(st.integers(0, 10)))],
    )


@st.composite
def pools(draw):
    jobs, pods = [], []
    for slot, attempt in draw(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=8)):
        phase = draw(st.sampled_from(JobPhase))
        sweep = draw(st.sampled_from([None, str(PATH), "lab/anymal/old0"]))
        suspended = {"suspended": draw(st.booleans()), "queue": draw(st.sampled_from([None, "gpu"]))}
        job = a_job(slot, attempt, phase, deleting=draw(st.booleans()), sweep=sweep, **suspended)
        jobs.append(job)
        if draw(st.booleans()):
            ended = {"ended_at": NOW} if phase is not JobPhase.ACTIVE else {}
            running = {"phase": draw(st.sampled_from(["Pending", "Running"]))} if not ended else {}
            pods.append(a_pod(job, leaving=draw(st.booleans()), gpus=draw(st.integers(0, 8)), **ended, **running))
    return tuple(jobs), tuple(pods)


@st.composite
def searches(draw):
    jobs = []
    for attempt in draw(st.sets(st.integers(0, 8), max_size=4)):
        phase = draw(st.sampled_from(JobPhase))
        job = a_search(
            attempt,
            phase,
            deleting=draw(st.booleans()),
            sweep=draw(st.sampled_from([None, str(PATH), "lab/anymal/old0"])),
            digest=draw(st.sampled_from([None, "another"])),
            exit_code=draw(st.sampled_from([None, 30, 34])),
        )
        jobs.append(
            replace(job, ready=job.ready and draw(st.booleans()), told_agents=draw(st.none() | st.integers(0, 4)))
        )
    return tuple(jobs)


@st.composite
def snapshots(draw):
    spec, status, (jobs, pods) = draw(specs()), draw(statuses()), draw(pools())
    mistake = draw(st.none() | mistakes)
    has_definition = draw(st.booleans()) and (mistake is None or mistake.reason is Reason.TEMPLATE_REJECTED)
    return replace(
        a_new_object(spec=spec),
        generation=draw(st.integers(1, 3)),
        status=status,
        deleted_at=draw(st.none() | st.none() | moments),
        has_finalizer=draw(st.booleans()),
        intent=draw(st.none() | st.builds(Intent, moments, tokens)),
        definition=read_definition(spec.sweep or {}, field="spec.sweep") if has_definition else None,
        definition_problem=mistake,
        wandb_problem=draw(st.none() | st.none() | problems),
        reading=draw(readings()) if status.sweep_path and draw(st.booleans()) else None,
        sweep_missing=draw(st.booleans()) and draw(st.booleans()),
        jobs=jobs,
        pods=pods,
        busy={pod.name: NOW for pod in pods} if draw(st.booleans()) else None,
        search=draw(searches()),
        searched=draw(st.none() | searched) if status.sweep_path else None,
        searched_problem=draw(st.none() | st.just(Problem(Reason.SEARCH_INVALID, "gone"))),
        scheduler_unsupported=draw(st.none() | st.just(Problem(Reason.SCHEDULER_UNSUPPORTED, "no"))),
    )


def starts(plan):
    return [action for action in plan.actions if isinstance(action, StartAgent)]


def searches_started(plan):
    return [action for action in plan.actions if isinstance(action, StartSearch)]


@given(snapshots())
def test_there_is_a_plan_and_a_status_for_everything(snapshot):
    plan = make_plan(snapshot)
    status = next_status(snapshot, Outcome(), plan.verdict)

    assert plan.look_again is None or plan.look_again >= timedelta()
    assert len({condition.type for condition in status.conditions}) == len(status.conditions)
    json.dumps(status.model_dump(mode="json"))


@given(snapshots())
def test_no_agent_starts_for_a_sweep_that_is_over_paused_or_going(snapshot):
    plan = make_plan(snapshot)

    paused = snapshot.reading is not None and snapshot.reading.state == "PAUSED"
    if snapshot.terminal or snapshot.deleted_at or snapshot.spec.suspend or paused or plan.verdict:
        assert starts(plan) == []
        assert searches_started(plan) == []


@given(snapshots())
def test_a_search_starts_only_when_no_other_is_left_and_for_a_sweep_that_needs_one(snapshot):
    plan = make_plan(snapshot)

    present = [job for job in snapshot.search if job.phase is JobPhase.ACTIVE or job.deleting]
    assert len(searches_started(plan)) <= (0 if present else 1)
    if searches_started(plan):
        assert is_searched(snapshot)
        assert snapshot.wandb_problem is None
        names = {job.attempt for job in snapshot.search}
        assert all(start.attempt > max(names, default=-1) for start in searches_started(plan))


@given(snapshots())
def test_no_search_outlives_a_sweep_that_is_over_or_suspended(snapshot):
    plan = make_plan(snapshot)

    retaken = any(isinstance(action, SetSweepState) and action.revive for action in plan.actions)
    expired = any(isinstance(action, DeleteObject) for action in plan.actions)
    if snapshot.terminal and not (snapshot.deleted_at or retaken or expired):
        going = {action.job_name for action in plan.actions if isinstance(action, RemoveSearch)}
        assert going == {job.name for job in snapshot.search if not job.deleting}


@given(snapshots())
def test_no_agent_starts_before_the_search_was_ready_once(snapshot):
    began = any(job.ready for job in snapshot.search) or bool(snapshot.reading and snapshot.reading.total_runs)
    if is_searched(snapshot) and not began:
        assert starts(make_plan(snapshot)) == []


@given(snapshots())
def test_trouble_with_w_and_b_starts_nothing_and_takes_no_working_agent_down(snapshot):
    troubled = replace(
        snapshot,
        spec=snapshot.spec.model_copy(update={"suspend": False, "agent_count": 10}),
        status=a_status(sweep_digest=snapshot.status.sweep_digest),
        definition_problem=None,
        deleted_at=None,
        reading=None,
        sweep_missing=False,
        wandb_problem=Problem(Reason.SERVER_UNREACHABLE, "no answer"),
        jobs=(a_job(0), a_job(1)),
        pods=(a_pod(a_job(0)), a_pod(a_job(1))),
    )
    no_end_in_sight = troubled.spec.model_copy(update={"limits": type(troubled.spec.limits)()})

    plan = make_plan(replace(troubled, spec=no_end_in_sight))

    assert starts(plan) == []
    assert not any(isinstance(action, RemoveAgent) for action in plan.actions)


@given(snapshots())
def test_an_object_is_complete_or_failed_or_neither_and_then_for_good(snapshot):
    plan = make_plan(snapshot)
    status = next_status(snapshot, Outcome(), plan.verdict)

    true = {condition.type for condition in status.conditions if condition.status is ConditionStatus.TRUE}
    assert not {ConditionType.COMPLETE, ConditionType.FAILED} <= true
    if plan.verdict:
        assert plan.verdict.reason in ConditionType.COMPLETE.reasons
        over = replace(snapshot, status=status, now=snapshot.now + timedelta(days=1), searched=None)
        assert make_plan(over).verdict is None
        assert next_status(over, Outcome(), None).completion_time == status.completion_time


@given(snapshots())
def test_a_limit_in_the_future_brings_a_pass_in_time(snapshot):
    live = a_live_object(spec=a_spec(limits={"activeDeadlineSeconds": 3600}), reading=snapshot.reading or a_reading())
    started = replace(live, status=a_status(start_time=NOW - timedelta(seconds=3597)))

    plan = make_plan(replace(started, wandb_problem=snapshot.wandb_problem))

    assert plan.verdict or plan.look_again <= timedelta(seconds=3)
