from __future__ import annotations

from datetime import timedelta

import pytest

from builders import NOW, PATH, UID, a_live_object, a_new_object, a_reading, a_spec, a_sweep, a_token
from wandbsweep.api.reasons import Reason
from wandbsweep.pool import ends
from wandbsweep.pool.actions import (
    AdoptSweep,
    ClaimObject,
    CreateSweep,
    FindAndStop,
    ReleaseObject,
    SetSweepState,
    StartAgent,
)
from wandbsweep.pool.creation import SETTLING
from wandbsweep.pool.facts import Intent, Problem
from wandbsweep.pool.planning import make_plan
from wandbsweep.sweep.wandb_config import marker

LONG_AGO = NOW - timedelta(hours=1)


def intent(at=LONG_AGO):
    return Intent(at, a_token())


UNREACHABLE = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")


def test_the_intent_is_recorded_before_the_sweep_is_created():
    claim, create = make_plan(a_new_object()).actions

    assert isinstance(claim, ClaimObject)
    assert isinstance(create, CreateSweep)
    assert not create.look_up_first


def test_after_a_crash_a_sweep_is_looked_for_before_it_is_created():
    claim, create = make_plan(a_new_object(has_finalizer=True, intent=intent())).actions

    assert isinstance(claim, ClaimObject)
    assert isinstance(create, CreateSweep)
    assert create.look_up_first


def test_while_a_creation_may_still_be_under_way_its_sweep_is_only_looked_for():
    plan = make_plan(a_new_object(has_finalizer=True, intent=intent(at=NOW - SETTLING / 2)))

    assert plan.actions == (AdoptSweep(None, "anymal", a_token(), marker(UID, a_token())),)
    assert plan.look_again is not None
    assert plan.look_again <= ends.RETRY


def test_the_sweep_that_is_created_carries_the_uid_of_its_object():
    snapshot = a_new_object()

    create = make_plan(snapshot).actions[-1]

    assert isinstance(create, CreateSweep)
    assert snapshot.uid in create.config["description"]


def test_the_object_names_entity_and_project_before_the_definition_does():
    spec = a_spec(entity="team", project="walk", sweep=a_sweep(entity="me", project="old"))

    create = make_plan(a_new_object(spec=spec)).actions[-1]

    assert isinstance(create, CreateSweep)
    assert (create.entity, create.project) == ("team", "walk")


@pytest.mark.parametrize("fault", ["definition_problem", "wandb_problem"])
def test_nothing_is_touched_while_something_stands_in_the_way(fault):
    plan = make_plan(a_new_object(**{fault: UNREACHABLE}))

    assert plan.actions == ()
    assert plan.look_again == ends.RETRY


def test_a_server_that_asks_for_patience_gets_it():
    busy = Problem(Reason.RATE_LIMITED, "slow down", retry_after=timedelta(seconds=90))

    assert make_plan(a_new_object(wandb_problem=busy)).look_again == timedelta(seconds=90)


def test_a_sweep_to_join_is_claimed_but_never_created():
    spec = a_spec(sweep=None, sweepID="nkbj7529")

    assert make_plan(a_new_object(spec=spec, reading=a_reading())).actions == (ClaimObject(None),)


def test_no_agent_starts_before_the_sweep_has_an_id():
    actions = make_plan(a_new_object(has_finalizer=True, intent=intent(), reading=a_reading())).actions

    assert not any(isinstance(action, StartAgent) for action in actions)


POLICIES = {"Stop": "FINISHED", "Cancel": "CANCELED"}


@pytest.mark.parametrize(("policy", "state"), POLICIES.items())
def test_deletion_brings_the_sweep_to_rest_before_the_object_goes(policy, state):
    snapshot = a_live_object(spec=a_spec(deletionPolicy=policy), deleted_at=NOW)

    assert make_plan(snapshot).actions == (SetSweepState(PATH, state), ReleaseObject())


def test_a_retained_sweep_is_left_alone():
    snapshot = a_live_object(spec=a_spec(deletionPolicy="Retain"), deleted_at=NOW, wandb_problem=UNREACHABLE)

    assert make_plan(snapshot).actions == (ReleaseObject(),)


def test_a_joined_sweep_belongs_to_somebody_else_unless_a_policy_is_set():
    joined = a_spec(sweep=None, sweepID="nkbj7529")
    told = a_spec(sweep=None, sweepID="nkbj7529", deletionPolicy="Stop")

    assert make_plan(a_live_object(spec=joined, deleted_at=NOW)).actions == (ReleaseObject(),)
    assert make_plan(a_live_object(spec=told, deleted_at=NOW)).actions[0] == SetSweepState(PATH, "FINISHED")


def test_a_sweep_that_was_created_without_anybody_noting_its_id_is_found_and_stopped():
    snapshot = a_new_object(deleted_at=NOW, has_finalizer=True, intent=intent())

    assert make_plan(snapshot).actions == (
        FindAndStop(None, "anymal", marker(UID, a_token()), "FINISHED"),
        ReleaseObject(),
    )


def test_an_unreachable_server_holds_a_deleted_object_only_for_a_while():
    early = a_live_object(deleted_at=NOW, wandb_problem=UNREACHABLE)
    late = a_live_object(deleted_at=NOW - ends.CLEANUP_PATIENCE, wandb_problem=UNREACHABLE)

    assert make_plan(early).actions == ()
    (release,) = make_plan(late).actions
    assert isinstance(release, ReleaseObject)
    assert str(PATH) in str(release.gave_up)


def test_a_namespace_that_goes_with_its_secret_is_not_held_up():
    gone = Problem(Reason.SECRET_NOT_FOUND, "there is no Secret")

    (release,) = make_plan(a_live_object(deleted_at=NOW, wandb_problem=gone)).actions

    assert isinstance(release, ReleaseObject)


def test_an_object_that_was_never_claimed_needs_no_farewell():
    assert make_plan(a_new_object(deleted_at=NOW)).actions == ()
