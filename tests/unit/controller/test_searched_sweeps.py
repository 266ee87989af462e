"""A search is told the definition that its sweep was created from, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import NOW, a_live_object, a_new_object, a_spec, a_status
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import Condition, ConditionStatus
from wandbsweep.controller import searched_sweeps
from wandbsweep.controller.observing import needs_scheduler
from wandbsweep.controller.searched_sweeps import SearchedSweeps
from wandbsweep.pool.creation import wanted_digest
from wandbsweep.pool.facts import Problem
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.wandb_config import definition_token

SCAN = {"method": "scan", "program": "t.py", "parameters": {"lr": {"values": [0.1, 1.0]}}}
TEXT = "method: scan\nprogram: t.py\nparameters: {lr: {values: [0.1, 1.0]}}\n"
OTHER_TEXT = TEXT.replace("0.1", "0.2")
CONFIG_MAP = "/api/v1/namespaces/robots/configmaps/sweeps"
FROM_CONFIG_MAP = {"sweep": None, "sweepFrom": {"configMapKeyRef": {"name": "sweeps", "key": "sweep.yaml"}}}
SEARCHED = Condition(
    type=ConditionType.SEARCH_READY,
    status=ConditionStatus.TRUE,
    last_transition_time=NOW,
    reason=Reason.SEARCH_RUNNING,
)


def a_token(source):
    definition = read_definition(source, field="spec.sweep")
    return definition_token(wanted_digest(a_new_object(definition=definition), definition), 1)


def a_searched_object(*, conditions=(SEARCHED,), created_from=SCAN, **spec):
    status = a_status(sweep_digest=a_token(created_from), conditions=list(conditions))
    return a_live_object(spec=a_spec(**{"sweep": SCAN, **spec}), status=status)


@pytest.fixture
def searched(kube):
    return SearchedSweeps(kube)


async def test_the_definition_of_a_living_searched_sweep_is_at_hand(searched):
    definition, problem = await searched.read(a_searched_object())

    assert (definition.method, len(definition.trials), problem) == ("scan", 2, None)


async def test_what_this_pass_has_read_anyway_is_not_read_again(searched, api):
    just_read = read_definition(SCAN, field="spec.sweep")

    found = await searched.read(replace(a_searched_object(conditions=()), definition=just_read))

    assert found == (just_read, None)


@pytest.mark.parametrize(
    "seen",
    [
        a_live_object(),
        a_new_object(),
        a_live_object(spec=a_spec(sweep=None, sweepID="nkbj7529")),
    ],
)
async def test_other_sweeps_are_not_read(searched, api, seen):
    assert await searched.read(seen) == (None, None)
    assert api.requests == []


async def test_a_definition_in_a_config_map_is_read_each_time_and_understood_once(searched, api, monkeypatch):
    understood = []
    monkeypatch.setattr(searched_sweeps, "understand", counted(searched_sweeps.understand, understood))
    api.objects[CONFIG_MAP] = {"data": {"sweep.yaml": TEXT}}
    seen = a_searched_object(**FROM_CONFIG_MAP)

    first, again = await searched.read(seen), await searched.read(seen)
    searched.forget(seen.uid)
    anew = await searched.read(seen)

    assert first[0].method == "scan"
    assert first == again == anew
    assert (len(api.requests), len(understood)) == (3, 2)


def counted(act, calls):
    def count(*arguments):
        calls.append(arguments)
        return act(*arguments)

    return count


async def test_a_search_does_not_follow_an_edit_of_the_config_map_alone(searched, api):
    api.objects[CONFIG_MAP] = {"data": {"sweep.yaml": OTHER_TEXT}}

    definition, problem = await searched.read(a_searched_object(**FROM_CONFIG_MAP))

    assert definition is None
    assert problem.reason is Reason.SEARCH_INVALID
    assert problem.message.startswith("ConfigMap sweeps/sweep.yaml is another definition by now than the one that")
    assert "put it back, or change a field of spec" in problem.message


async def test_what_the_user_may_change_in_a_sweep_that_exists_makes_it_no_other(searched, api):
    api.objects[CONFIG_MAP] = {"data": {"sweep.yaml": TEXT + "description: the second try\nrun_cap: 9\n"}}

    definition, problem = await searched.read(a_searched_object(**FROM_CONFIG_MAP))

    assert (definition.run_cap, problem) == (9, None)


async def test_a_config_map_that_is_gone_is_named(searched):
    definition, problem = await searched.read(a_searched_object(**FROM_CONFIG_MAP))

    assert definition is None
    assert isinstance(problem, Problem)
    assert problem.message.startswith("spec.sweepFrom.configMapKeyRef.name: there is no ConfigMap 'sweeps'")


def test_the_scheduler_is_asked_for_before_a_searched_sweep_is_created_or_replaces_one():
    scan, random = read_definition(SCAN, field="spec.sweep"), a_new_object().definition

    assert needs_scheduler(a_new_object(definition=scan))
    assert needs_scheduler(a_live_object(definition=scan))
    assert not needs_scheduler(a_new_object(definition=random))
    assert not needs_scheduler(replace(a_searched_object(), definition=scan))
    assert not needs_scheduler(a_new_object(definition=scan, deleted_at=NOW))
    assert not needs_scheduler(a_new_object(definition=scan, definition_problem=Problem(Reason.TEMPLATE_REJECTED, "")))
