from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, PATH, a_job, a_live_object, a_reading, a_spec
from wandbsweep.api.reasons import Reason
from wandbsweep.pool.actions import StartAgent
from wandbsweep.pool.facts import AgentJob, JobPhase, Problem
from wandbsweep.pool.retries import LONGEST_RETRY_DELAY, failures_in_a_row, retry_delay
from wandbsweep.pool.slots import KEPT_FAILURES, plan_slots


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


def test_a_smaller_agent_count_removes_the_agents_of_the_last_slots():
    plan = plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=(a_job(0), a_job(1), a_job(2))))

    assert [removal.job_name for removal in plan.remove] == ["anymal-1-0", "anymal-2-0"]
    assert all(removal.running for removal in plan.remove)


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
def test_carrying_out_a_plan_leaves_at_most_one_agent_in_each_wanted_slot_and_none_elsewhere(history, count):
    jobs = jobs_of(history)

    plan = plan_slots(a_live_object(spec=a_spec(agentCount=count), jobs=jobs))

    removed = {removal.job_name for removal in plan.remove}
    active = [job.slot for job in jobs if job.phase is JobPhase.ACTIVE and job.name not in removed]
    after = sorted(active + [start.slot for start in plan.start])
    assert after == sorted(set(after))
    assert set(after) <= set(range(count))


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
