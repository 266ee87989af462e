"""Runs are counted by the tags that say how they ended, and the newest failures are named, where there are any."""

from __future__ import annotations

import asyncio

import pytest

from unit.tracking.small_wandb import run
from unit.tracking.sweep_at_work import SweepAtWork
from unit.tracking.web_server import Reply
from wandbsweep.agent.causes import Cause, node_tag
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.errors import PartialReadError, ServerFault
from wandbsweep.tracking.protocol import RunTags

TAGS = RunTags(failing=("x:nan", "x:oom"), settling=("x:stopped",), lasting=("x:preempted",))
ALL_CAUSES = RunTags(
    failing=tuple(c.tag for c in Cause if c not in {Cause.FINISHED, Cause.PREEMPTED, Cause.STOPPED}),
    settling=(Cause.STOPPED.tag,),
    lasting=(Cause.PREEMPTED.tag,),
)
PATH = SweepPath("lab", "anymal", "a")
RANDOM = {"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}}


@pytest.fixture
def tracker(new_tracker):
    return new_tracker(timeout_seconds=10.0, run_tags=TAGS)


async def read(tracker, account):
    return (await tracker.read(account, [PATH]))[PATH]


async def test_every_run_that_did_not_simply_finish_is_counted_once(tracker, account, wandb):
    wandb.add(
        str(PATH),
        RANDOM,
        run("1"),
        run("2", tags=["mine", "x:nan"]),
        run("3", "failed", tags=["x:oom"]),
        run("4", "failed"),
        run("5", "crashed", tags=["x:preempted"]),
        run("6", "killed", tags=["x:stopped", "x:preempted"]),
        run("7", "killed"),
        run("8", "running", tags=["x:preempted"]),
    )

    reading = await read(tracker, account)

    assert reading.tag_counts == {"x:nan": 1, "x:oom": 1, "x:stopped": 1, "x:preempted": 3}
    assert reading.untagged == {"failed": 1, "crashed": 1, "killed": 1}


async def test_the_newest_failures_are_named_and_stopped_runs_are_none(tracker, account, wandb):
    at = "2026-01-31T12:00:0{}.5Z".format
    wandb.add(
        str(PATH),
        RANDOM,
        run("finished", seen_at=at(9)),
        run("stopped", "failed", tags=["x:stopped"], seen_at=at(8)),
        run("killed", "killed", seen_at=at(7)),
        run("nan", tags=["mine", "x:nan"], seen_at=at(6)),
        run("crashed", "crashed", seen_at=at(5)),
        *(run(f"failed{second}", "failed", seen_at=at(second)) for second in (1, 2, 3, 4)),
    )

    latest = (await read(tracker, account)).latest_failures

    assert [failed.run_id for failed in latest] == ["nan", "crashed", "failed4", "failed3"]
    first = latest[0]
    assert (first.name, first.state, first.tags) == ("nan-shown", "finished", ("mine", "x:nan"))
    assert first.url == f"{account.base_url}/lab/anymal/runs/nan"
    assert first.seen_at.isoformat() == "2026-01-31T12:00:06.500000+00:00"


async def test_sweeps_whose_runs_simply_finish_cost_one_count_more_and_nothing_else(tracker, account, wandb, server):
    wandb.add(str(PATH), RANDOM, run("1"), run("2", "running"))

    for _ in range(2):
        reading = await read(tracker, account)

    assert reading.tag_counts == dict.fromkeys(TAGS.counted, 0)
    assert reading.untagged == {"failed": 0, "crashed": 0, "killed": 0}
    assert reading.latest_failures == ()
    assert len(server.requests) == 2
    assert all(request.query.count("runCount(") == 9 for request in server.requests)
    assert not any("latest" in request.query for request in server.requests)


async def test_trouble_is_looked_at_twice_when_it_is_new_and_once_from_then_on(tracker, account, wandb, server):
    sweep = wandb.add(str(PATH), RANDOM, run("1"))
    paths = [PATH, *(SweepPath("lab", "anymal", f"s{number}") for number in range(19))]
    for path in paths[1:]:
        wandb.add(str(path), RANDOM, run("1", "failed"))
    asked = []
    for more in ([], [run("2", tags=["x:nan"])], []):
        sweep.runs += more
        before = len(server.requests)
        readings = await tracker.read(account, paths)
        asked.append(len(server.requests) - before)

    assert asked == [2, 2, 1]
    assert readings[PATH].tag_counts["x:nan"] == 1
    assert all(len(reading.latest_failures) == 1 for reading in readings.values())


async def test_tags_that_are_taken_off_again_are_not_counted(tracker, account, wandb, server):
    sweep = wandb.add(str(PATH), RANDOM, run("1", tags=["x:nan"]))
    await read(tracker, account)
    sweep.runs = [run("1")]

    reading = await read(tracker, account)
    await read(tracker, account)

    assert reading.tag_counts["x:nan"] == 0
    assert "latest" not in server.requests[-1].query


async def test_without_tags_to_count_failures_are_named_all_the_same(new_tracker, account, wandb):
    wandb.add(str(PATH), RANDOM, run("1", "failed", tags=["x:nan"]), run("2", "killed"))

    reading = await read(new_tracker(), account)

    assert (reading.tag_counts, reading.untagged) == ({}, {"failed": 1, "crashed": 0, "killed": 1})
    assert [failed.run_id for failed in reading.latest_failures] == ["1"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"tagged": None}, "tagged is not a whole number"),
        ({"tag1": "3"}, "tag1 is not a whole number"),
        ({"told_failed": None}, "told_failed is not a whole number"),
        ({"latest": {"edges": [{"node": None}]}}, "node is missing"),
        ({"latest": {"edges": [{"node": {"name": "r", "state": "failed", "tags": "x"}}]}}, "tags is not a list"),
        (
            {"latest": {"edges": [{"node": {"name": "r", "state": "failed", "tags": [], "heartbeatAt": "soon"}}]}},
            "heartbeatAt is not a time",
        ),
    ],
)
async def test_a_strange_answer_about_failures_is_named(tracker, account, wandb, server, change, complaint):
    wandb.add(str(PATH), RANDOM, run("1", "failed"))
    await read(tracker, account)
    server.answer = lambda request: Reply.of({"data": {"s0": wandb.read(request)["s0"] | change}})

    with pytest.raises(ServerFault, match=f"in an unknown form: {complaint}"):
        await read(tracker, account)


async def test_a_second_look_that_fails_is_told_for_that_sweep_alone(tracker, account, wandb, server):
    healthy = SweepPath("lab", "anymal", "b")
    wandb.add(str(PATH), RANDOM, run("1", "failed"))
    wandb.add(str(healthy), RANDOM, run("1"))
    refusal = Reply.of({"errors": [{"message": "too complex"}]}, status=400)
    server.answer = lambda request: refusal if "latest" in request.query else wandb.answer(request)

    with pytest.raises(PartialReadError, match="too complex") as caught:
        await tracker.read(account, [PATH, healthy])

    assert set(caught.value.readings) == {healthy}


async def test_name_and_description_are_those_of_the_config(tracker, account, wandb):
    wandb.add(str(PATH), RANDOM | {"name": "terrain", "description": "rough\n\nuid: 1"})
    nameless = SweepPath("lab", "anymal", "b")
    wandb.add(str(nameless), RANDOM)

    readings = await tracker.read(account, [PATH, nameless])

    assert (readings[PATH].name, readings[PATH].description) == ("terrain", "rough\n\nuid: 1")
    assert (readings[nameless].name, readings[nameless].description) == (None, None)


async def test_the_embedded_server_counts_causes_and_names_failures(new_tracker, real_account, wandb_server):
    tracker = new_tracker(timeout_seconds=50.0, run_tags=ALL_CAUSES)
    path = (await tracker.create(real_account, entity=None, project="causes", config=RANDOM)).path
    await asyncio.to_thread(let_runs_end, SweepAtWork(wandb_server, path))

    reading = (await tracker.read(real_account, [path]))[path]

    counts = {tag: count for tag, count in reading.tag_counts.items() if count}
    assert counts == {Cause.NAN_METRIC.tag: 1, Cause.OUT_OF_MEMORY.tag: 2, Cause.PREEMPTED.tag: 1}
    assert reading.untagged == {"failed": 1, "crashed": 0, "killed": 0}
    assert [failed.state for failed in reading.latest_failures] == ["failed", "failed", "failed", "finished"]
    assert node_tag("gpu-7") in reading.latest_failures[1].tags


def let_runs_end(work: SweepAtWork) -> None:
    agent = work.agent("pod-0")
    for exit_code, *tags in (
        (0,),
        (0, Cause.NAN_METRIC.tag),
        (1, Cause.OUT_OF_MEMORY.tag),
        (1, Cause.OUT_OF_MEMORY.tag, node_tag("gpu-7"), Cause.PREEMPTED.tag),
        (1,),
    ):
        work.end(work.begin(agent), exit_code, *tags)
