"""Events about runs, nodes, and what was done to the sweep."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, PATH, a_live_object, a_reading, a_spec
from builders import a_status as pool_status
from unit.controller.test_events import NOTHING, a_status
from wandbsweep.agent.causes import Cause
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import AvoidedNode
from wandbsweep.controller import events
from wandbsweep.controller.recorder import event_name
from wandbsweep.pool.actions import AskToLeave, DeleteObject, Plan, SetSweepState, UpdateSweep
from wandbsweep.pool.facts import FailedRun
from wandbsweep.pool.outcome import Outcome

OBJECT = a_live_object()
RUN = FailedRun("r1", "brave-run-7", "http://wandb.test/r1", Cause.OUT_OF_MEMORY, "gpu-7")


def told_of(snapshot=OBJECT, *, plan=Plan(), outcome=Outcome(), status=None):  # noqa: B008 - frozen, as defaults may be
    return events.of_pass(snapshot, plan, outcome, status or snapshot.status)


def test_the_last_failed_runs_are_told_with_cause_and_node():
    (told,) = told_of(a_live_object(reading=a_reading(latest_failures=(RUN,))))

    assert (told.reason, told.warning) == (Reason.RUN_FAILED, True)
    assert told.message == (
        "Run brave-run-7 (r1) ended badly on node gpu-7: out-of-memory. The trainer ran out of memory, of its "
        "container or of the GPU: lower num_envs or raise the limit. http://wandb.test/r1"
    )


def test_what_the_infrastructure_did_to_a_run_is_no_warning_to_the_user():
    assert not events.run_failed(replace(RUN, cause=Cause.NODE_LOST)).warning


def test_a_run_that_failed_long_ago_is_no_news_to_an_operator_that_starts():
    lately, long_ago = (replace(RUN, seen_at=NOW - timedelta(minutes=minutes)) for minutes in (40, 60))

    assert len(told_of(a_live_object(reading=a_reading(latest_failures=(lately, long_ago))))) == 1


def test_a_run_is_told_once_for_each_of_its_causes():
    first, again = events.run_failed(RUN), events.run_failed(replace(RUN, name="renamed"))
    worse = events.run_failed(replace(RUN, cause=Cause.STALLED))

    assert event_name(OBJECT, first) == event_name(OBJECT, again) != event_name(OBJECT, worse)


def test_a_failed_run_is_told_when_its_cause_is_known_or_nobody_is_left_to_tell_it():
    untagged = replace(RUN, cause=Cause.TRAINER_ERROR, explained=False, seen_at=NOW - timedelta(seconds=5))
    reading = a_reading(latest_failures=(untagged,))

    assert told_of(a_live_object(reading=reading)) == []
    assert told_of(a_live_object(reading=reading, now=NOW + timedelta(minutes=1)))
    assert told_of(a_live_object(reading=reading, status=pool_status(completion_time=NOW)))


def test_an_agent_that_is_asked_to_leave_is_told_with_the_reason():
    (told,) = told_of(plan=Plan((AskToLeave("anymal-0-0-x7k2p", "the template changed"),)))

    assert told.reason is Reason.AGENT_LEAVING
    assert told.message == "Asked anymal-0-0-x7k2p to leave after its current run: the template changed."


def test_an_object_whose_time_is_over_says_so_before_it_goes():
    (told,) = told_of(a_live_object(spec=a_spec(ttlSecondsAfterFinished=60)), plan=Plan((DeleteObject(),)))

    assert (told.reason, told.key) == (Reason.OBJECT_EXPIRED, "expired")
    assert "ttlSecondsAfterFinished (60 s)" in told.message


@pytest.mark.parametrize(
    ("why", "warning"), [(Reason.SWEEP_REPLACED, False), (Reason.OVERRUN_STOPPED, True)], ids=["replaced", "overrun"]
)
def test_a_sweep_that_was_stopped_is_told_with_the_reason(why, warning):
    (told,) = told_of(outcome=Outcome(on_wandb=(SetSweepState(PATH, "FINISHED", why),)))

    assert (told.reason, told.message, told.warning) == (why, f"{PATH}: {why.when}", warning)


def test_pauses_are_told_by_their_condition_alone():
    assert told_of(outcome=Outcome(on_wandb=(SetSweepState(PATH, "PAUSED"),))) == []


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        ({"run_cap": 40, "name": "anymal", "description": "d"}, "the run cap from 12 to 40"),
        ({"name": "terrain", "description": "d"}, "the run cap from 12 to none, the name to terrain"),
        ({"run_cap": 12, "name": "anymal", "description": "e"}, "the description"),
    ],
)
def test_what_was_changed_on_wandb_is_told(config, changes):
    snapshot = a_live_object(reading=a_reading(run_cap=12, display_name="anymal", description="d"))

    (told,) = told_of(snapshot, outcome=Outcome(on_wandb=(UpdateSweep(PATH, config),)))

    assert (told.reason, told.message) == (Reason.SWEEP_UPDATED, f"Changed {changes} of {PATH} on W&B.")


def test_a_change_and_its_reversal_are_two_events():
    update = Outcome(on_wandb=(UpdateSweep(PATH, {"run_cap": 40}),))

    names = {event_name(OBJECT, event) for generation in (1, 2) for event in told_of(at(generation), outcome=update)}

    assert len(names) == 2


def at(generation):
    return replace(OBJECT, generation=generation)


def test_a_node_is_told_when_it_comes_to_be_avoided_and_when_it_fails_again():
    first = AvoidedNode(name="gpu-7", since=NOW, message="3 runs failed")
    again = AvoidedNode(name="gpu-7", since=NOW + timedelta(hours=2), message="3 runs failed")
    before = OBJECT.status.model_copy(update={"avoided_nodes": [first]})

    (told,) = told_of(status=before)
    (later,) = told_of(replace(OBJECT, status=before), status=before.model_copy(update={"avoided_nodes": [again]}))

    assert told.message.startswith("Node gpu-7: ")
    assert told.message.endswith("3 runs failed")
    assert event_name(OBJECT, told) != event_name(OBJECT, later)
    assert told_of(replace(OBJECT, status=before), status=before) == []


def test_a_pause_is_no_warning_and_that_nothing_is_paused_is_no_news():
    suspended = a_status(ConditionType.SUSPENDED, Reason.SUSPENDED)
    going = a_status(ConditionType.SUSPENDED, Reason.NOT_SUSPENDED, holds=False)

    assert events.of_conditions(NOTHING, going) == []
    later = a_status(ConditionType.SUSPENDED, Reason.SUSPENDED, message="its agents are gone")
    assert events.of_conditions(suspended, later) == []
    (told,) = events.of_conditions(going, suspended)
    (resumed,) = events.of_conditions(suspended, going)
    assert [(event.reason, event.warning) for event in (told, resumed)] == [
        (Reason.SUSPENDED, False),
        (Reason.NOT_SUSPENDED, False),
    ]
