"""Readings of many objects are one request, and whatever becomes of it reaches everybody who asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, PATH, a_sweep
from wandbsweep.agent.causes import Cause
from wandbsweep.controller.readings import Readings, to_reading
from wandbsweep.pool.facts import SweepState
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.path import SweepPath
from wandbsweep.sweep.rendering.cell import sent_cell
from wandbsweep.sweep.searching import NO_METRIC
from wandbsweep.sweep.wandb_config import wandb_config
from wandbsweep.tracking.errors import PartialReadError, ServerFault, Unreachable
from wandbsweep.tracking.protocol import Account, BestRun, FailedRun, FrontRun, SweepReading

ACCOUNT = Account("http://wandb.test", "k" * 40)
OTHER_ACCOUNT = Account("http://wandb.test", "o" * 40)
UID = "uid-of-an-object"
OTHER = SweepPath("lab", "anymal", "other000")


def an_answer(path=PATH, **fields):
    """What W&B shows of a sweep."""
    answer = SweepReading(
        path=path,
        url=f"http://wandb.test/{path}",
        state="RUNNING",
        config=a_sweep(run_cap=12),
        expected_runs=None,
        runs_by_state={"running": 2, "finished": 3, "failed": 0},
        best=None,
    )
    return replace(answer, **fields)


class Tracker:
    """Counts the requests; answers for every sweep, or fails."""

    def __init__(self):
        self.requests = []
        self.failure = None
        self.answers = {}

    async def read(self, account, paths):
        self.requests.append((account, tuple(paths)))
        if self.failure:
            raise self.failure
        return {path: self.answers.get(path, an_answer(path)) for path in paths}


@pytest.fixture
def tracker():
    return Tracker()


@pytest.fixture
def readings(tracker):
    return Readings(tracker)


async def test_sweeps_of_one_account_that_are_asked_for_together_are_one_request(readings, tracker):
    await asyncio.gather(*(readings.read(UID, ACCOUNT, path, NOW) for path in (PATH, OTHER, PATH)))

    assert tracker.requests == [(ACCOUNT, (PATH, OTHER))]


async def test_accounts_are_never_mixed(readings, tracker):
    await asyncio.gather(readings.read(UID, ACCOUNT, PATH, NOW), readings.read(UID, OTHER_ACCOUNT, OTHER, NOW))

    assert sorted(tracker.requests, key=lambda request: request[0].api_key) == [
        (ACCOUNT, (PATH,)),
        (OTHER_ACCOUNT, (OTHER,)),
    ]


async def test_a_failure_reaches_everybody_who_asked_and_is_not_kept(readings, tracker):
    tracker.failure = Unreachable("W&B is away")

    ends = await asyncio.gather(
        *(readings.read(UID, ACCOUNT, path, NOW) for path in (PATH, OTHER)), return_exceptions=True
    )

    assert ends == [tracker.failure, tracker.failure]
    tracker.failure = None
    assert await readings.read(UID, ACCOUNT, PATH, NOW) is not None


async def test_one_sweep_that_cannot_be_read_does_not_spoil_the_others(readings, tracker):
    hidden = ServerFault("the key may not see it")
    tracker.failure = PartialReadError({PATH: an_answer()}, {OTHER: hidden})

    seen, not_seen = await asyncio.gather(
        *(readings.read(UID, ACCOUNT, path, NOW) for path in (PATH, OTHER)), return_exceptions=True
    )

    assert seen.path == PATH
    assert not_seen is hidden


async def test_whoever_gives_up_waiting_takes_the_answer_from_nobody_else(readings, tracker):
    impatient = asyncio.ensure_future(readings.read(UID, ACCOUNT, PATH, NOW))
    patient = asyncio.ensure_future(readings.read(UID, ACCOUNT, PATH, NOW))
    await asyncio.sleep(0)
    impatient.cancel()

    assert (await patient).path == PATH
    assert impatient.cancelled()


async def test_the_last_reading_is_kept_until_its_object_is_gone(readings):
    assert readings.last(UID, PATH) is None
    seen = await readings.read(UID, ACCOUNT, PATH, NOW)
    assert readings.last(UID, PATH) is seen

    readings.forget(UID, PATH)

    assert readings.last(UID, PATH) is None


async def test_an_object_never_sees_what_was_read_for_another(readings, tracker):
    """Two tenants may name the same path: on servers of their own, or one of them with a key that sees nothing."""
    await readings.read(UID, ACCOUNT, PATH, NOW)
    tracker.answers = {PATH: an_answer(state="CANCELED")}
    feigned = await readings.read("another", OTHER_ACCOUNT, PATH, NOW)

    assert feigned.state is SweepState.CANCELED
    assert readings.last(UID, PATH).state is SweepState.RUNNING
    assert readings.last("a third", PATH) is None
    readings.outdate("another", PATH)
    assert not readings.is_outdated(UID, PATH)
    tracker.answers = {PATH: None}
    await readings.read("another", OTHER_ACCOUNT, PATH, NOW)
    assert readings.missing_for(UID, PATH, NOW + timedelta(seconds=60)) == timedelta()
    readings.forget("another", PATH)
    assert readings.last(UID, PATH) is not None


async def test_how_long_a_sweep_has_been_missing_counts_from_the_first_denial(readings, tracker):
    tracker.answers = {PATH: None}
    later = NOW + timedelta(seconds=20)

    assert await readings.read(UID, ACCOUNT, PATH, NOW) is None
    assert await readings.read(UID, ACCOUNT, PATH, later) is None
    assert readings.missing_for(UID, PATH, later) == timedelta(seconds=20)

    tracker.answers = {}
    await readings.read(UID, ACCOUNT, PATH, later)
    assert readings.missing_for(UID, PATH, later) == timedelta()


def test_an_answer_becomes_the_facts_that_decisions_need():
    best = BestRun("r1", "fine-run-1", "http://wandb.test/r1", 0.8131, {"lr": 0.1})

    reading = to_reading(an_answer(best=best, state="FLAPPING"), NOW, None)

    assert reading.state is SweepState.CRASHED
    assert reading.state_text == "FLAPPING"
    assert (reading.method, reading.run_cap, reading.grid_size) == ("random", 12, None)
    assert reading.runs_by_state == {"running": 2, "finished": 3}
    assert (reading.best.metric, reading.best.value, reading.best.parameters) == ("reward", 0.8131, {"lr": 0.1})


def test_a_run_that_ended_badly_counts_for_the_cause_of_its_tag_or_else_of_its_state():
    reading = to_reading(
        an_answer(
            tag_counts={"wandbsweep:out-of-memory": 2, "wandbsweep:trainer-error": 1, "wandbsweep:preempted": 4},
            untagged={"failed": 3, "crashed": 1, "killed": 0},
        ),
        NOW,
        None,
    )

    assert reading.failures == {
        Cause.OUT_OF_MEMORY: 2,
        Cause.TRAINER_ERROR: 4,
        Cause.PREEMPTED: 4,
        Cause.NODE_LOST: 1,
    }


@pytest.mark.parametrize(
    ("state", "tags", "cause", "node"),
    [
        ("failed", ("mine", "wandbsweep:stalled", "wandbsweep.node:gpu-7"), Cause.STALLED, "gpu-7"),
        ("failed", ("wandbsweep:preempted", "wandbsweep:nan-metric"), Cause.NAN_METRIC, None),
        ("failed", ("wandbsweep:preempted",), Cause.TRAINER_ERROR, None),
        ("crashed", (), Cause.NODE_LOST, None),
        ("killed", ("wandbsweep:of-a-later-version",), Cause.STOPPED, None),
        ("finished", ("wandbsweep:no-run",), Cause.NO_RUN, None),
    ],
)
def test_a_failed_run_is_told_with_its_cause_and_its_node(state, tags, cause, node):
    run = FailedRun("r1", "brave-run-1", "http://wandb.test/r1", state, tags, None)

    (told,) = to_reading(an_answer(latest_failures=(run,)), NOW, None).latest_failures

    assert (told.run_id, told.name, told.url, told.cause, told.node) == ("r1", "brave-run-1", run.url, cause, node)


def test_a_sweep_has_the_name_and_description_of_its_config():
    reading = to_reading(an_answer(config=a_sweep(name="terrain", description="rough")), NOW, None)

    assert (reading.display_name, reading.description) == ("terrain", "rough")


def test_a_scan_is_shown_as_one_with_the_values_of_its_best_trial():
    definition = read_definition(
        {"method": "scan", "program": "t", "parameters": {"lr": {"values": [0.1, 1.0]}}, "metric": {"name": "reward"}},
        field="spec.sweep",
    )
    on_wandb = wandb_config(
        definition, display_name="s", uid="u", token="1-t", max_runs=None, runs_per_agent=None, agent_count=1
    )
    best = BestRun("r1", "lr_1.0", "http://wandb.test/r1", 0.8, {"scan": sent_cell(definition.trials[1])})

    reading = to_reading(an_answer(config=on_wandb, best=best), NOW, None)

    assert (reading.method, reading.run_cap, reading.grid_size) == ("scan", None, 2)
    assert dict(reading.best.parameters) == {"lr": 1.0}


def test_a_sweep_from_elsewhere_that_this_version_cannot_read_is_counted_all_the_same():
    strange = {"method": "simplex", "parameters": {"lr": {"distribution": "new"}}}

    reading = to_reading(an_answer(config=strange, expected_runs=7), NOW, None)

    assert (reading.method, reading.run_cap, reading.grid_size) == ("simplex", None, 7)
    assert reading.total_runs == 5


def test_what_a_server_expects_of_a_search_beside_it_is_no_end_of_that_search():
    searched = {"method": "custom", "run_cap": 9, "scheduler": {"engine": "optuna"}, "parameters": {}}

    reading = to_reading(an_answer(config=searched, expected_runs=9), NOW, None)

    assert (reading.method, reading.run_cap, reading.grid_size) == ("custom", 9, None)


def test_the_metric_that_stands_for_none_is_none():
    reading = to_reading(an_answer(config=a_sweep(metric={"name": NO_METRIC, "goal": "minimize"})), NOW, None)

    assert (reading.metric, reading.goal) == (None, None)


def test_a_front_comes_with_the_reading():
    run = FrontRun("r1", "s.r.1", "http://wandb.test/r1", 0.5, 20.0, {"lr": 0.1})

    (found,) = to_reading(an_answer(front=(run,)), NOW, None).front

    assert (found.run_id, found.name, found.score, found.cost) == ("r1", "s.r.1", 0.5, 20.0)
    assert found.parameters == {"lr": 0.1}


def test_a_sweep_is_quiet_since_its_state_and_counts_last_changed():
    later, last = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    first = to_reading(an_answer(), NOW, None)

    same = to_reading(an_answer(), later, first)
    changed = to_reading(an_answer(runs_by_state={"finished": 6}), last, same)

    assert (first.quiet_since, same.quiet_since, changed.quiet_since) == (NOW, NOW, last)
