"""Edits of a live object: a new sweep where the definition is another one, an update where W&B can change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import (
    NOW,
    PATH,
    UID,
    a_job,
    a_live_object,
    a_new_object,
    a_pod,
    a_reading,
    a_spec,
    a_status,
    a_sweep,
    a_token,
)
from wandbsweep.api.reasons import ConditionType, Phase, Reason
from wandbsweep.api.status import ConditionStatus, PastSweep, Runs
from wandbsweep.pool.actions import (
    ClaimObject,
    CreateSweep,
    FindAndStop,
    LeaveSweep,
    RemoveAgent,
    SetSweepState,
    StartAgent,
    UpdateSweep,
)
from wandbsweep.pool.creation import SETTLING
from wandbsweep.pool.facts import Intent, Problem
from wandbsweep.pool.outcome import CreatedSweep, Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.status import next_status
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.wandb_config import marker

LONG_AGO = NOW - timedelta(hours=1)
UNREACHABLE = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")
MISTAKE = Problem(Reason.SWEEP_INVALID, "spec.sweep.method: ...")
OTHER = {"parameters": {"lr": {"values": [0.1, 0.2]}}}
STOP = SetSweepState(PATH, "FINISHED", why=Reason.SWEEP_REPLACED)
DESCRIPTION = marker(UID, a_token())


def edited(*, reading=None, status=None, definition=None, **fields):
    """Generation 2 of an object whose sweep was created from generation 1, as the first pass over it sees it."""
    sweep = a_sweep(**(OTHER if definition is None else definition))
    spec = a_spec(sweep=sweep, **fields.pop("spec", {}))
    return a_live_object(
        spec=spec,
        generation=2,
        definition=read_definition(sweep, field="spec.sweep"),
        status=status or a_status(runs=Runs(total=3, finished=2, running=1, cap=9), observed_generation=1),
        reading=reading or a_reading(display_name="anymal", description=DESCRIPTION, finished=2, running=1),
        **fields,
    )


def after(snapshot, *done, problem=None):
    return next_status(snapshot, Outcome(on_wandb=done, wandb_problem=problem), None)


def generation_of(status, kind=ConditionType.SWEEP_VALID):
    return status.condition(kind).observed_generation


def test_another_definition_stops_the_old_sweep_first_and_records_that_before():
    plan = make_plan(edited(jobs=(a_job(0),)))

    assert plan.actions == (LeaveSweep(a_token()), STOP)
    assert not plan.look_again


def test_a_sweep_that_may_have_been_stopped_is_replaced_although_its_definition_came_back():
    left = Intent(LONG_AGO, a_token(), leaving=True)
    back = replace(edited(definition={}), generation=3, intent=left)

    assert make_plan(back).actions == (STOP,)
    assert generation_of(after(back, problem=UNREACHABLE)) is None

    between = replace(back, status=after(back, STOP), reading=None)
    claim, create = make_plan(between).actions
    assert claim == ClaimObject(a_token(3))
    assert isinstance(create, CreateSweep)


def test_it_is_replaced_also_while_the_definition_has_mistakes():
    left = Intent(LONG_AGO, a_token(), leaving=True)
    snapshot = replace(edited(), intent=left, definition=None, definition_problem=MISTAKE)

    assert make_plan(snapshot).actions == (STOP,)


def test_the_record_of_one_sweep_says_nothing_of_the_next():
    left = Intent(LONG_AGO, "0-0123456789ab", leaving=True)

    assert STOP not in make_plan(replace(edited(definition={}), intent=left)).actions


def test_the_old_sweep_goes_into_the_history_and_leaves_nothing_else_behind():
    status = after(edited(), STOP)

    assert status.history == [PastSweep(sweep_id="nkbj7529", end_time=NOW, runs="2/9")]
    assert (status.sweep_id, status.sweep_path, status.runs, status.best, status.sweep_state) == (None,) * 5
    assert status.sweep_digest == a_token()
    assert status.phase is Phase.PENDING
    assert status.condition(ConditionType.SWEEP_CREATED).reason is Reason.CREATING
    assert status.observed_generation == 2


def test_the_history_keeps_ten():
    past = [PastSweep(sweep_id=f"old{number}", end_time=LONG_AGO) for number in range(10)]

    status = after(edited(status=a_status(history=past)), STOP)

    assert [sweep.sweep_id for sweep in status.history] == ["nkbj7529", *(f"old{number}" for number in range(9))]


def test_the_new_sweep_is_created_as_for_a_new_object():
    snapshot = edited()
    between = replace(snapshot, status=after(snapshot, STOP), reading=None)

    claim, create = make_plan(between).actions

    assert claim == ClaimObject(a_token(2, **OTHER))
    assert isinstance(create, CreateSweep)
    assert not create.look_up_first
    assert create.config["description"] == marker(UID, a_token(2, **OTHER))


def test_start_hours_and_the_digest_of_the_new_sweep_are_kept():
    snapshot = edited(status=a_status(start_time=LONG_AGO))
    between = replace(snapshot, status=after(snapshot, STOP), reading=None)
    new = replace(PATH, sweep_id="new")

    status = next_status(
        between, Outcome(created=CreatedSweep(new, "http://w", Reason.CREATED, a_token(2, **OTHER))), None
    )

    assert (status.sweep_id, status.sweep_digest, status.start_time) == ("new", a_token(2, **OTHER), LONG_AGO)


def test_a_definition_that_comes_back_makes_a_third_sweep():
    token = a_token(2, **OTHER)
    second = edited(definition={}, status=a_status(sweep_digest=token), intent=Intent(LONG_AGO, token))
    snapshot = replace(second, generation=3)

    assert make_plan(snapshot).actions == (LeaveSweep(token), STOP)
    between = replace(snapshot, status=after(snapshot, STOP), reading=None)
    assert make_plan(between).actions[0] == ClaimObject(a_token(3))


def test_agents_of_a_replaced_sweep_go_as_the_drain_policy_says():
    snapshot = edited()
    between = replace(snapshot, status=after(snapshot, STOP), reading=None)
    busy, waiting = a_job(0, sweep=str(PATH)), a_job(1, sweep=str(PATH))
    pool = {"jobs": (busy, waiting), "pods": (a_pod(busy), a_pod(waiting, phase="Pending", started_at=None))}

    at_once = make_plan(replace(between, **pool))
    after_run = make_plan(replace(between, spec=a_spec(drainPolicy="AfterRun"), **pool))

    assert {a.job_name for a in at_once.actions if isinstance(a, RemoveAgent)} == {busy.name, waiting.name}
    assert {a.job_name for a in after_run.actions if isinstance(a, RemoveAgent)} == {waiting.name}


def test_agents_whose_sweep_is_only_forgotten_by_the_status_stay():
    lost = a_new_object(has_finalizer=True, intent=Intent(LONG_AGO, a_token()), jobs=(a_job(0, sweep=str(PATH)),))

    assert not any(isinstance(action, RemoveAgent) for action in make_plan(lost).actions)


def test_a_definition_with_mistakes_leaves_the_old_sweep_at_work():
    mistake = Problem(Reason.SWEEP_INVALID, "spec.sweep.method: is missing")
    snapshot = a_live_object(definition_problem=mistake, generation=2)

    assert [type(action) for action in make_plan(snapshot).actions] == [StartAgent, StartAgent]
    status = after(snapshot)
    valid = status.condition(ConditionType.SWEEP_VALID)
    assert (valid.status, valid.observed_generation) == (ConditionStatus.FALSE, 2)
    assert status.sweep_id == "nkbj7529"


def test_a_method_that_the_server_has_no_scheduler_for_leaves_the_old_sweep_at_work_and_the_edit_open():
    protein = {
        "method": "protein",
        "parameters": {"lr": {"distribution": "log_normal", "min": 0.0001, "max": 0.001}},
    }
    lacking = Problem(Reason.SCHEDULER_UNSUPPORTED, "take a newer server.")
    snapshot = edited(definition=protein, scheduler_unsupported=lacking)

    assert STOP not in make_plan(snapshot).actions
    status = after(snapshot)
    created = status.condition(ConditionType.SWEEP_CREATED)
    assert created.reason is Reason.SCHEDULER_UNSUPPORTED
    assert str(PATH) in created.message
    assert generation_of(status) is None


def test_an_edit_waits_for_w_and_b_and_takes_no_agent_down():
    snapshot = edited(wandb_problem=UNREACHABLE, jobs=(a_job(0), a_job(1)))

    assert make_plan(snapshot).actions == ()
    status = after(snapshot)
    assert generation_of(status) is None  # so that the next pass reads the definition again
    assert status.observed_generation == 1


def test_an_edit_whose_first_write_failed_stays_open():
    status = after(edited(), problem=UNREACHABLE)

    assert status.sweep_id == "nkbj7529"
    assert (generation_of(status), status.observed_generation) == (None, 1)


UPDATES = {
    "spec.maxRuns": ({"maxRuns": 20}, {}, {"run_cap": 20}),
    "run_cap": ({}, {"run_cap": 7}, {"run_cap": 7}),
    "name": ({}, {"name": "rough"}, {"name": "rough"}),
    "description": ({}, {"description": "Rough."}, {"description": f"Rough.\n\n{DESCRIPTION}"}),
}


@pytest.mark.parametrize(("spec", "definition", "sent"), UPDATES.values(), ids=UPDATES)
def test_what_w_and_b_can_change_is_changed_in_the_sweep_that_exists(spec, definition, sent):
    snapshot = edited(spec=spec, definition=definition)

    (update, *others) = make_plan(snapshot).actions

    assert isinstance(update, UpdateSweep)
    assert sent.items() <= update.config.items()
    assert [type(action) for action in others] == [StartAgent, StartAgent]
    assert after(snapshot).observed_generation == 1
    assert after(snapshot, update).observed_generation == generation_of(after(snapshot, update)) == 2


def test_an_edit_of_numbers_that_w_and_b_does_not_know_changes_nothing_there():
    snapshot = edited(definition={}, spec={"agentCount": 5, "limits": {"maxGPUHours": 5}})

    assert [type(action) for action in make_plan(snapshot).actions] == [StartAgent] * 5
    assert generation_of(after(snapshot)) == 2


def test_a_cap_that_was_derived_stays_when_the_pool_is_scaled():
    reading = a_reading(display_name="anymal", description=DESCRIPTION, run_cap=20)
    snapshot = edited(definition={}, spec={"agentCount": 5, "runsPerAgent": 10}, reading=reading)

    assert not any(isinstance(action, UpdateSweep) for action in make_plan(snapshot).actions)


def test_a_cap_that_is_taken_back_is_lifted_on_w_and_b():
    reading = a_reading(display_name="anymal", description=DESCRIPTION, run_cap=20)

    update = make_plan(edited(definition={}, reading=reading)).actions[0]

    assert isinstance(update, UpdateSweep)
    assert "run_cap" not in update.config


def test_an_update_that_w_and_b_refuses_is_told_and_not_repeated():
    snapshot = edited(definition={"run_cap": 7})
    refused = Problem(Reason.SWEEP_REJECTED, "no")

    status = next_status(snapshot, Outcome(create_problem=refused), None)

    assert status.condition(ConditionType.SWEEP_CREATED).reason is Reason.SWEEP_REJECTED
    assert generation_of(status) == 2


OPEN = a_token(2, **OTHER)


def test_an_intent_to_a_definition_that_nobody_wants_any_more_is_cleared_up_before_the_next():
    """Generation 2 was claimed and perhaps created; generation 3 came before its ID was known."""
    status = a_status(sweep_id=None, sweep_path=None)
    snapshot = a_new_object(generation=3, status=status, has_finalizer=True, intent=Intent(LONG_AGO, OPEN))

    leave, find, claim, create = make_plan(snapshot).actions

    assert leave == LeaveSweep(OPEN)
    assert find == FindAndStop(None, "anymal", marker(UID, OPEN), "FINISHED")
    assert claim == ClaimObject(a_token(3))
    assert isinstance(create, CreateSweep)
    assert not create.look_up_first


def test_what_was_perhaps_stopped_before_it_was_known_is_not_adopted_when_its_definition_comes_back():
    status = a_status(sweep_id=None, sweep_path=None)
    left = Intent(NOW, OPEN, leaving=True)
    sweep = a_sweep(**OTHER)
    snapshot = replace(
        a_new_object(generation=3, status=status, has_finalizer=True, intent=left),
        spec=a_spec(sweep=sweep),
        definition=read_definition(sweep, field="spec.sweep"),
    )

    find, claim, create = make_plan(snapshot).actions

    assert find == FindAndStop(None, "anymal", marker(UID, OPEN), "FINISHED")
    assert claim == ClaimObject(a_token(3, **OTHER))
    assert not create.look_up_first


def test_an_unwanted_creation_that_may_be_under_way_is_waited_for():
    status = a_status(sweep_id=None, sweep_path=None)
    intent = Intent(NOW - SETTLING / 2, OPEN)

    plan = make_plan(a_new_object(generation=3, status=status, has_finalizer=True, intent=intent))

    assert plan.actions == ()
    assert plan.look_again <= SETTLING / 2


def test_a_joined_sweep_is_never_replaced_or_updated():
    spec = a_spec(sweep=None, sweepID="nkbj7529", maxRuns=3)
    snapshot = a_live_object(spec=spec, generation=2, status=a_status(sweep_digest=None), reading=a_reading())

    assert [type(action) for action in make_plan(snapshot).actions] == [StartAgent, StartAgent]


def test_more_runs_bring_no_ended_sweep_back():
    ended = a_status(sweep_state="FINISHED", completion_time=NOW)

    plan = make_plan(edited(status=ended, spec={"maxRuns": 99}))

    assert plan.actions == ()
