"""What is told of agents that a queue takes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from builders import NOW, a_job, a_live_object, a_pod
from wandbsweep.api.reasons import Reason
from wandbsweep.controller import events
from wandbsweep.controller.events import NEWS_FOR
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.outcome import Outcome

EVICTED = a_job(0, queue="gpu-research", suspended=True, suspended_since=NOW - timedelta(seconds=5))
LEAVING = a_pod(EVICTED, ready=False, deleting=True)


def told(job, *pods):
    return events.of_agents(a_live_object(jobs=(job,), pods=pods), Outcome())


def test_an_eviction_is_an_event_of_its_own_and_no_warning():
    (event,) = told(EVICTED, LEAVING)

    assert (event.reason, event.warning) == (Reason.AGENT_EVICTED, False)
    assert event.message == (
        "Job anymal-0-0 on node gpu-1 was suspended by queue gpu-research: "
        "its run is handed out again, and it goes on when it is admitted again."
    )


def test_each_eviction_of_a_job_is_told_once():
    drained = replace(LEAVING, phase="Failed", ended_at=NOW)
    next_pod = replace(LEAVING, uid="of-the-next-pod")
    seen_at_once = replace(EVICTED, suspended_since=None)  # the Job's condition follows a moment after its spec

    assert told(EVICTED, LEAVING) == told(EVICTED, drained) == told(seen_at_once, LEAVING)
    assert told(EVICTED, LEAVING)[0].key != told(EVICTED, next_pod)[0].key
    assert told(replace(EVICTED, suspended_since=NOW - NEWS_FOR), drained) == []


def test_a_pod_that_ended_before_its_job_was_suspended_was_not_taken_back():
    before = replace(LEAVING, uid="older", node="gpu-9", phase="Failed", ended_at=NOW - timedelta(hours=1))

    (event,) = told(EVICTED, before, LEAVING)

    assert "on node gpu-1 " in event.message
    assert told(replace(EVICTED, suspended_since=None), before) == []


def test_a_job_that_waits_for_its_first_admission_was_not_evicted():
    assert told(EVICTED) == []


def test_an_agent_that_its_eviction_killed_did_not_end_badly():
    killed = replace(EVICTED, phase=JobPhase.FAILED, finished_at=NOW)

    (event,) = told(killed, replace(LEAVING, phase="Failed", ended_at=NOW, exit_code=137))

    assert event.reason is Reason.AGENT_EVICTED
    assert event.message.endswith("the next agent joins the queue.")
    assert [event.reason for event in told(replace(killed, suspended=False))] == [Reason.AGENT_FAILED]
