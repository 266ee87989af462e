"""Who works is asked of W&B when somebody has to go; a W&B server that does not say holds nobody up."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, PATH, RUNTIME, a_job, a_live_object, a_reading, a_search, a_status
from wandbsweep.api.reasons import Reason
from wandbsweep.controller import wandb_look
from wandbsweep.controller.readings import Readings
from wandbsweep.controller.wandb_look import WandbLook, WandbSide
from wandbsweep.pool.facts import AgentPod, JobPhase, Problem
from wandbsweep.tracking.errors import RateLimited, SweepMissing, Unreachable
from wandbsweep.tracking.protocol import Account, AgentView

ACCOUNT = Account("http://wandb.test", "k" * 40)
SECRET = "/api/v1/namespaces/robots/secrets/wandb-api-key"
SINCE = NOW - timedelta(minutes=7)


def a_pod(name, **fields):
    return replace(AgentPod(name, name, "Running", ready=True, uid=name, started_at=SINCE), **fields)


OBJECT = a_live_object(
    pods=(a_pod("a"), a_pod("b"), a_pod("c"), a_pod("gone", ended_at=NOW), a_pod("new", started_at=None))
)


class Tracker:
    """Knows what some agents are at, or fails."""

    def __init__(self):
        self.asked = []
        self.failure = None
        self.hold = None
        self.has = frozenset()

    async def features(self, account):
        self.asked.append((account,))
        if self.failure:
            raise self.failure
        return self.has

    async def read(self, account, paths):
        self.asked.append((account, paths))
        raise self.failure

    async def agents(self, account, path, *, hosts):
        self.asked.append((account, path, sorted(hosts)))
        if self.hold:
            await self.hold.wait()
        if self.failure:
            raise self.failure
        return (AgentView("a", NOW, "r1", SINCE), AgentView("b", NOW), AgentView("c", NOW, "r3"))


@pytest.fixture
def tracker():
    return Tracker()


@pytest.fixture
def look(kube, tracker):
    return WandbLook(kube, tracker, Readings(tracker), RUNTIME)


async def test_only_agents_with_a_run_are_busy_and_only_those_that_live_are_asked_about(look, tracker):
    busy = await look.at_agents(OBJECT, ACCOUNT)

    assert busy == {"a": SINCE, "c": OBJECT.now}
    assert tracker.asked == [(ACCOUNT, PATH, ["a", "b", "c"])]


async def test_the_key_is_read_where_the_pass_had_no_need_of_it(api, look, tracker):
    assert await look.at_agents(OBJECT, None) is None
    assert tracker.asked == []

    api.objects[SECRET] = {"data": {"apiKey": base64.b64encode(b"n" * 40).decode()}}

    assert await look.at_agents(OBJECT, None) is not None
    assert tracker.asked[0][0].api_key == "n" * 40


@pytest.mark.parametrize("failure", [Unreachable("W&B is away"), SweepMissing("no such sweep")])
async def test_nobody_is_known_to_be_idle_while_wandb_does_not_say(failure, look, tracker):
    tracker.failure = failure

    assert await look.at_agents(OBJECT, ACCOUNT) is None


async def test_a_wandb_server_that_never_answers_is_not_waited_for(look, tracker, monkeypatch):
    monkeypatch.setattr(wandb_look, "BUSY_PATIENCE_SECONDS", 0.01)
    tracker.hold = asyncio.Event()

    assert await look.at_agents(OBJECT, ACCOUNT) is None


@pytest.mark.parametrize(
    "snapshot",
    [
        replace(OBJECT, pods=()),
        replace(OBJECT, wandb_problem=Problem(Reason.SERVER_UNREACHABLE, "away")),
    ],
    ids=["no agent", "known to be away"],
)
async def test_nothing_is_asked_in_vain(snapshot, look, tracker):
    assert await look.at_agents(snapshot, ACCOUNT) is None
    assert tracker.asked == []


async def test_a_wandb_server_that_asked_for_patience_is_not_asked_again_by_a_pass_that_is_woken(api, look, tracker):
    api.objects[SECRET] = {"data": {"apiKey": base64.b64encode(b"n" * 40).decode()}}
    tracker.failure = RateLimited("slow down", retry_after_seconds=60)

    first, second = [await look.at_sweep(OBJECT) for _ in range(2)]

    assert first.problem == second.problem
    assert first.problem.reason is Reason.RATE_LIMITED
    assert len(tracker.asked) == 1


async def test_a_sweep_that_was_changed_by_ourselves_is_looked_at_anew():
    readings = Readings(None)
    assert not readings.is_outdated(OBJECT.uid, PATH)

    readings.outdate(OBJECT.uid, PATH)
    assert readings.is_outdated(OBJECT.uid, PATH)

    readings.forget(OBJECT.uid, PATH)
    assert not readings.is_outdated(OBJECT.uid, PATH)


def test_between_two_polls_nothing_is_due():
    assert not wandb_look.reading_is_due(a_reading(), a_live_object(), NOW)
    assert wandb_look.reading_is_due(a_reading(), a_live_object(), NOW + timedelta(minutes=2))


@pytest.mark.parametrize(
    "ended", [{"jobs": (a_job(0, finished_at=NOW),)}, {"search": (a_search(0, JobPhase.SUCCEEDED, finished_at=NOW),)}]
)
def test_after_an_agent_or_a_search_has_ended_a_look_is_due(ended):
    assert wandb_look.reading_is_due(a_reading(at=NOW), a_live_object(**ended), NOW)
    later = NOW + timedelta(seconds=5)
    assert not wandb_look.reading_is_due(a_reading(at=later), a_live_object(**ended), later)


def test_after_a_pod_has_ended_a_look_is_due_until_it_is_accounted_for():
    ended = a_pod("p1", ended_at=NOW)
    assert wandb_look.reading_is_due(a_reading(), a_live_object(pods=(ended,)), NOW)

    accounted = a_status(settled_pods=["p1"])
    assert not wandb_look.reading_is_due(a_reading(), a_live_object(pods=(ended,), status=accounted), NOW)


async def test_a_server_without_the_scheduler_feature_is_named_with_what_works(look):
    side = await look.at_scheduler(OBJECT, WandbSide(ACCOUNT))

    assert side.no_scheduler.reason is Reason.SCHEDULER_UNSUPPORTED
    assert side.no_scheduler.message.startswith(
        "The W&B server at http://wandb.test takes no runs from a search beside"
    )
    assert "method grid, random or bayes" in side.no_scheduler.message


async def test_a_server_with_the_scheduler_feature_takes_a_search(look, tracker):
    tracker.has = {"SWEEPS_LOCAL_SCHEDULER"}

    assert (await look.at_scheduler(OBJECT, WandbSide(ACCOUNT))).no_scheduler is None


async def test_a_server_that_does_not_say_what_it_can_do_is_in_trouble_like_any_other(look, tracker):
    tracker.failure = Unreachable("W&B is away")

    side = await look.at_scheduler(OBJECT, WandbSide(ACCOUNT))

    assert (side.problem.reason, side.no_scheduler) == (Reason.SERVER_UNREACHABLE, None)


async def test_what_a_server_can_do_is_not_asked_where_the_look_at_it_failed(look, tracker):
    failed = WandbSide(ACCOUNT, problem=Problem(Reason.SERVER_ERROR, "500"))

    assert await look.at_scheduler(OBJECT, failed) == failed
    assert tracker.asked == []
