from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, PATH, a_job, a_live_object, a_pod, a_reading, a_spec
from wandbsweep.api.reasons import Reason
from wandbsweep.pool.actions import StartAgent
from wandbsweep.pool.facts import AgentJob, JobPhase, Problem
from wandbsweep.pool.retries import LONGEST_RETRY_DELAY, failures_in_a_row, retry_delay
from wandbsweep.pool.slots import KEPT_FAILURES, plan_slots
from wandbsweep.pool.starting import STAGGER


def test_every_slot_of_a_new_pool_gets_its_first_agent():
    plan = plan_slots(a_live_object(spec=a_spec(agentCount=3)))

    assert plan.start == (StartAgent(0, 0, PATH), StartAgent(1, 0, PATH), StartAgent(2, 0, PATH))
    assert plan.remove == ()


def test_a_slot_whose_job_is_going_away_waits_until_it_is_gone():
    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=(a_job(0, deleting=True),)))

    assert plan.start == ()


def test_an_agent_that_did_its_runs_is_followed_by_a_fresh_one_at_once():
    done = a_job(0, 3, JobPhase.SUCCEEDED)

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=(done,)))

    assert plan.start == (StartAgent(0, 4, PATH),)


def test_an_ended_agent_is_not_replaced_before_w_and_b_was_looked_at_again():
    done = a_job(0, 0, JobPhase.SUCCEEDED, finished_at=NOW)

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=(done,), reading=a_reading(at=NOW)))

    assert plan.start == ()
    assert plan.needs_reading


def test_agents_that_end_badly_are_replaced_with_growing_delay():
    failed = [a_job(0, n, JobPhase.FAILED, finished_at=NOW - timedelta(seconds=15)) for n in range(2)]

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=tuple(failed)))

    assert plan.start == ()
    assert plan.due_at == NOW - timedelta(seconds=15) + retry_delay(2)


def test_no_agent_is_started_that_would_find_no_run_left():
    reading = a_reading(finished=9, running=1, run_cap=10)

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=2), jobs=(a_job(0),), reading=reading))

    assert plan.start == ()


def test_nothing_is_started_while_w_and_b_is_out_of_reach_and_nothing_is_taken_down():
    problem = Problem(Reason.SERVER_UNREACHABLE, "no answer")

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=2), jobs=(a_job(0),), wandb_problem=problem))

    assert (plan.start, plan.remove) == ((), ())


def test_a_paused_sweep_starts_nothing():
    assert plan_slots(a_live_object(reading=a_reading(state="PAUSED"))).start == ()


def test_a_slot_that_was_given_up_leaves_the_others_where_they_are():
    jobs = tuple(a_job(slot) for slot in (0, 1, 3, 4))

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=4), jobs=jobs))

    assert (plan.start, plan.remove) == ((), ())


def test_a_new_agent_takes_the_lowest_slot_that_is_free():
    jobs = tuple(a_job(slot) for slot in (0, 1, 3, 4))

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=6), jobs=jobs))

    assert plan.start == (StartAgent(2, 0, PATH), StartAgent(5, 0, PATH))


def test_a_job_that_somebody_deleted_comes_back():
    plan = plan_slots(a_live_object(spec=a_spec(agentCount=3), jobs=(a_job(0), a_job(2))))

    assert plan.start == (StartAgent(1, 0, PATH),)


def test_a_slot_that_waits_after_a_failure_is_not_evaded_by_a_lower_one():
    failed = a_job(1, 4, JobPhase.FAILED, finished_at=NOW - timedelta(seconds=5))

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=(failed,)))

    assert plan.start == ()
    assert plan.due_at == NOW + timedelta(seconds=5)


def test_a_corrected_template_need_not_wait_out_the_failures_of_the_old_one():
    failed = tuple(
        a_job(0, attempt, JobPhase.FAILED, finished_at=NOW - timedelta(seconds=5), digest="older")
        for attempt in range(5)
    )

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=failed))

    assert plan.start == (StartAgent(0, 5, PATH),)


def test_agents_come_one_by_one_while_preempted_runs_wait():
    reading = a_reading(preempted=2, running=1)
    snapshot = a_live_object(spec=a_spec(agentCount=4), reading=reading, jobs=(a_job(0),))

    first = plan_slots(snapshot)
    too_soon = plan_slots(replace(snapshot, jobs=(a_job(0), a_job(1, created_at=NOW - STAGGER / 5))))
    later = plan_slots(replace(snapshot, jobs=(a_job(0), a_job(1, created_at=NOW - STAGGER))))

    assert (len(first.start), first.due_at) == (1, NOW + STAGGER)
    assert (len(too_soon.start), too_soon.due_at) == (0, NOW + STAGGER * 4 / 5)
    assert len(later.start) == 1


def test_a_mistake_in_an_edited_definition_leaves_the_old_sweep_its_agents():
    mistake = Problem(Reason.SWEEP_INVALID, "parameters.lr: no such distribution")

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), definition_problem=mistake))

    assert plan.start == (StartAgent(0, 0, PATH),)


def test_a_template_that_the_api_server_refuses_starts_nothing():
    refused = Problem(Reason.TEMPLATE_REJECTED, "no such field")

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), definition_problem=refused))

    assert plan.start == ()


def test_an_agent_is_told_the_metric_of_its_sweep():
    (start,) = plan_slots(a_live_object(spec=a_spec(agentCount=1), reading=a_reading(metric="reward"))).start

    assert start.metric == "reward"


def test_a_job_goes_only_after_its_pods_are_in_the_account():
    done, active = a_job(0, 0, JobPhase.SUCCEEDED), a_job(0, 1)
    snapshot = a_live_object(spec=a_spec(agentCount=1), jobs=(done, active), pods=(a_pod(done, ended_at=NOW),))
    settled = snapshot.status.model_copy(update={"settled_pods": [f"uid-of-{done.name}"]})

    assert plan_slots(snapshot).remove == ()
    assert [removal.job_name for removal in plan_slots(replace(snapshot, status=settled)).remove] == [done.name]


def test_an_ended_job_whose_pod_still_runs_holds_its_slot():
    failed = a_job(0, 0, JobPhase.FAILED)

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=(failed,), pods=(a_pod(failed),)))

    assert plan.start == ()


OLD = "lab/anymal/before"


@pytest.mark.parametrize(("policy", "removed"), [("AtOnce", ["anymal-0-0"]), ("AfterRun", [])])
def test_agents_of_a_replaced_sweep_leave_as_the_drain_policy_says_and_keep_their_slot_until_then(policy, removed):
    old = a_job(0, sweep=OLD)
    spec = a_spec(agentCount=1, drainPolicy=policy)

    plan = plan_slots(a_live_object(spec=spec, jobs=(old,), pods=(a_pod(old),)))

    assert [removal.job_name for removal in plan.remove] == removed
    assert plan.start == ()


def test_an_agent_of_a_replaced_sweep_that_has_not_begun_never_does():
    old = a_job(0, sweep=OLD)
    spec = a_spec(agentCount=1, drainPolicy="AfterRun")

    plan = plan_slots(a_live_object(spec=spec, jobs=(old,), pods=(a_pod(old, phase="Pending"),)))

    assert [removal.job_name for removal in plan.remove] == [old.name]


def test_of_two_agents_in_one_slot_the_newer_stays():
    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=(a_job(0, 0), a_job(0, 1))))

    assert [removal.job_name for removal in plan.remove] == ["anymal-0-0"]


def test_the_retry_delay_doubles_up_to_its_bound():
    delays = [retry_delay(failures) for failures in range(9)]

    assert delays[0] == timedelta()
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_RETRY_DELAY


phases = st.sampled_from(JobPhase)
histories = st.lists(st.tuples(st.integers(0, 5), st.lists(phases, max_size=10), st.booleans()), max_size=6)


def jobs_of(history: list[tuple[int, list[JobPhase], bool]]) -> tuple[AgentJob, ...]:
    by_slot = {slot: (ended, active) for slot, ended, active in history}
    jobs: list[AgentJob] = []
    for slot, (ended, active) in by_slot.items():
        done = [phase for phase in ended if phase is not JobPhase.ACTIVE]
        jobs += [a_job(slot, attempt, phase) for attempt, phase in enumerate(done)]
        if active:
            jobs.append(a_job(slot, len(done)))
    return tuple(jobs)


@given(histories, st.integers(0, 4))
def test_carrying_out_a_plan_leaves_at_most_one_agent_in_a_slot_and_no_more_than_are_wanted(history, count):
    jobs = jobs_of(history)

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=count), jobs=jobs))

    removed = {removal.job_name for removal in plan.remove}
    active = [job.slot for job in jobs if job.phase is JobPhase.ACTIVE and job.name not in removed]
    after = sorted(active + [start.slot for start in plan.start])
    assert after == sorted(set(after))
    assert len(after) <= count


@given(histories, st.integers(0, 4))
def test_a_new_job_never_takes_a_name_that_is_in_use(history, count):
    jobs = jobs_of(history)

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=count), jobs=jobs))

    taken = {(job.slot, job.attempt) for job in jobs}
    assert not taken & {(start.slot, start.attempt) for start in plan.start}


@given(histories)
def test_what_is_deleted_changes_no_later_decision(history):
    jobs = jobs_of(history)
    snapshot = a_live_object(spec=a_spec(agentCount=6), jobs=jobs)

    removed = {removal.job_name for removal in plan_slots(snapshot).remove}
    kept = tuple(job for job in jobs if job.name not in removed)

    again = plan_slots(a_live_object(spec=a_spec(agentCount=6), jobs=kept))
    assert again.start == plan_slots(snapshot).start
    assert again.remove == ()
    for slot in range(6):
        assert failures_in_a_row([job for job in kept if job.slot == slot]) <= KEPT_FAILURES
