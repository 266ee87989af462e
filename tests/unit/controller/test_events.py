"""Events: told once, also across restarts, in the words of the conditions and of the agents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, PATH, a_job, a_live_object, a_new_object
from unit.controller.api_server import failure
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import Condition, ConditionStatus, WandbSweepStatus
from wandbsweep.controller import events
from wandbsweep.controller.events import Event
from wandbsweep.controller.recorder import Recorder, event_name
from wandbsweep.pool.actions import RemoveAgent
from wandbsweep.pool.facts import AgentPod, JobPhase
from wandbsweep.pool.outcome import Outcome

OBJECT = a_live_object()


def a_status(kind, reason, *, holds=True, message="so it is", at=NOW, generation=1):
    condition = Condition(
        type=kind,
        status=ConditionStatus.TRUE if holds else ConditionStatus.FALSE,
        reason=reason,
        message=message,
        last_transition_time=at,
        observed_generation=generation,
    )
    return WandbSweepStatus(conditions=[condition])


NOTHING = WandbSweepStatus()
UNREACHABLE = a_status(ConditionType.WANDB_REACHABLE, Reason.SERVER_UNREACHABLE, holds=False, message="timed out")
REACHABLE = a_status(ConditionType.WANDB_REACHABLE, Reason.REACHABLE)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (NOTHING, a_status(ConditionType.SWEEP_VALID, Reason.VALID), []),
        (NOTHING, a_status(ConditionType.SWEEP_VALID, Reason.SWEEP_INVALID, holds=False), [("SweepInvalid", True)]),
        (NOTHING, a_status(ConditionType.SWEEP_VALID, Reason.VALID_WITH_WARNINGS), [("ValidWithWarnings", True)]),
        (NOTHING, REACHABLE, []),
        (NOTHING, UNREACHABLE, [("ServerUnreachable", True)]),
        (UNREACHABLE, REACHABLE, [("Reachable", False)]),
        (
            UNREACHABLE,
            a_status(ConditionType.WANDB_REACHABLE, Reason.SERVER_UNREACHABLE, holds=False, message="refused"),
            [],
        ),
        (NOTHING, a_status(ConditionType.SWEEP_CREATED, Reason.CREATING, holds=False), []),
        (NOTHING, a_status(ConditionType.SWEEP_CREATED, Reason.CREATED), [("Created", False)]),
        (NOTHING, a_status(ConditionType.SWEEP_CREATED, Reason.NOT_VALID, holds=False), []),
        (NOTHING, a_status(ConditionType.COMPLETE, Reason.RUN_CAP_REACHED), [("RunCapReached", False)]),
        (NOTHING, a_status(ConditionType.COMPLETE, Reason.ALL_RUNS_FAILED, holds=False), []),
        (NOTHING, a_status(ConditionType.FAILED, Reason.ALL_RUNS_FAILED), [("AllRunsFailed", True)]),
        (NOTHING, a_status(ConditionType.READY, Reason.STARTING, holds=False), []),
    ],
)
def test_conditions_are_told_when_they_say_something_new(before, after, told):
    assert [(event.reason.value, event.warning) for event in events.of_conditions(before, after)] == told


def test_what_stands_as_before_is_not_told_again():
    later = a_status(ConditionType.SWEEP_CREATED, Reason.CREATED, at=NOW + timedelta(minutes=1))

    assert events.of_conditions(a_status(ConditionType.SWEEP_CREATED, Reason.CREATED), later) == []


def test_warnings_are_told_once_for_each_generation():
    told = [
        events.of_conditions(NOTHING, a_status(ConditionType.SWEEP_VALID, Reason.VALID_WITH_WARNINGS, **changes))[0]
        for changes in ({}, {"message": "and more", "at": NOW + timedelta(minutes=1)}, {"generation": 2})
    ]

    names = [event_name(OBJECT, event) for event in told]
    assert names[0] == names[1] != names[2]


def test_an_outage_that_comes_back_is_told_again():
    first, second = (
        events.of_conditions(REACHABLE, a_status(*UNREACHABLE_AGAIN, holds=False, at=at))[0]
        for at in (NOW, NOW + timedelta(hours=1))
    )

    assert event_name(OBJECT, first) != event_name(OBJECT, second)


UNREACHABLE_AGAIN = (ConditionType.WANDB_REACHABLE, Reason.SERVER_UNREACHABLE)


def test_agents_that_come_go_and_end_are_told_with_their_last_words():
    failed, done = a_job(0, phase=JobPhase.FAILED), a_job(1, phase=JobPhase.SUCCEEDED)
    words = "APIKeyRejected: W&B does not accept the API key."
    pod = AgentPod("p", failed.name, "Failed", ready=False, node="gpu-7", exit_code=24, exit_message=words)
    outcome = Outcome(
        started=("anymal-2-0",),
        removed=(
            RemoveAgent("anymal-3-0", running=True, why="agentCount was lowered"),
            RemoveAgent("anymal-4-0", running=False, why="it ended"),
        ),
    )

    told = events.of_agents(replace(OBJECT, jobs=(failed, done), pods=(pod,)), outcome)

    assert [(event.reason.value, event.message, event.warning) for event in told] == [
        ("AgentCreated", "Created Job anymal-2-0.", False),
        ("AgentFailed", f"Job anymal-0-0 ended badly on node gpu-7. {words}", True),
        ("AgentEnded", "Job anymal-1-0 ended.", False),
        ("AgentRemoved", "Removed Job anymal-3-0: agentCount was lowered.", False),
    ]


@pytest.mark.parametrize(
    ("state", "gave_up", "reason"),
    [
        ("FINISHED", None, "SweepStopped"),
        ("CANCELED", None, "SweepCancelRequested"),
        (None, None, "SweepRetained"),
        (None, f"{PATH} was left as it is: W&B is away", "CleanupGaveUp"),
    ],
)
def test_the_farewell_tells_what_became_of_the_sweep(state, gave_up, reason):
    farewell = events.of_deletion(OBJECT, state, gave_up)

    assert farewell.reason.value == reason
    assert str(PATH) in farewell.message


@given(key=st.text(), reason=st.sampled_from(list(Reason)))
def test_the_name_of_an_event_follows_from_what_it_says_about_which_object(key, reason):
    event = Event(reason, "message", key)
    other_object = a_new_object(uid="another")

    assert event_name(OBJECT, event) == event_name(a_live_object(), Event(reason, "in other words", key))
    assert event_name(OBJECT, event) != event_name(OBJECT, Event(reason, "message", f"{key}'"))
    assert event_name(OBJECT, event) != event_name(other_object, event)
    assert event_name(OBJECT, event).startswith("anymal.")


EVENT = Event(Reason.AGENT_CREATED, "Created Job anymal-0-0.", "anymal-0-0")


async def test_an_event_is_sent_once_and_a_restart_repeats_it_under_the_same_name(api, kube):
    recorder = Recorder(kube)
    await recorder.send(OBJECT, [EVENT, EVENT])
    await recorder.send(OBJECT, [EVENT])
    assert len(api.requests) == 1

    api.trouble = failure(409, "events already exists")
    await Recorder(kube).send(OBJECT, [EVENT])

    first, second = (body["metadata"]["name"] for _, _, body in api.requests)
    assert first == second


async def test_an_event_says_whom_it_is_about_and_fits_the_api_server(api, kube):
    long = replace(EVENT, message="x" * 5000, warning=True)

    await Recorder(kube).send(OBJECT, [long])

    ((_, path, body),) = api.requests
    assert path == "/api/v1/namespaces/robots/events"
    assert body["involvedObject"] == {
        "apiVersion": "wandbsweep.dev/v1alpha1",
        "kind": "WandbSweep",
        "namespace": "robots",
        "name": "anymal",
        "uid": OBJECT.uid,
    }
    assert (body["type"], body["reason"], body["count"]) == ("Warning", "AgentCreated", 1)
    assert len(body["message"]) == 1024


async def test_an_event_that_cannot_be_sent_is_logged_and_stops_nothing(api, kube, caplog):
    api.trouble = failure(500, "etcd is away")

    await Recorder(kube).send(OBJECT, [EVENT, replace(EVENT, key="other")])

    assert len(api.requests) == 2
    assert "An Event was lost: etcd is away" in caplog.text
