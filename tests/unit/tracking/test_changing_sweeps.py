"""A sweep that is under way gets another run cap, name or description, is paused and goes on, and loses nothing."""

from __future__ import annotations

import asyncio
import json

import pytest

from unit.tracking.sweep_at_work import SweepAtWork
from unit.tracking.web_server import CUT, Reply
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.errors import ConfigRejected, KeyRejected, RequestRefused, SweepMissing, Unreachable

CONFIG = {
    "method": "random",
    "name": "before",
    "description": "mine\n\nuid: 1",
    "parameters": {"x": {"min": 0.0, "max": 1.0}, "n": {"values": [1, 2]}},
    "run_cap": 2,
}
PATH = SweepPath("lab", "anymal", "a")


@pytest.fixture
def tracker(new_tracker):
    return new_tracker(timeout_seconds=50.0)


@pytest.fixture
async def work(tracker, real_account, wandb_server):
    path = (await tracker.create(real_account, entity=None, project="updates", config=CONFIG)).path
    return SweepAtWork(wandb_server, path)


async def state_and_config(tracker, account, path):
    reading = (await tracker.read(account, [path]))[path]
    return reading.state, {key: reading.config.get(key) for key in ("name", "description", "run_cap")}


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "PAUSED"])
async def test_a_sweep_keeps_its_state_and_its_runs_when_it_is_updated(tracker, real_account, work, state):
    run = None
    if state != "PENDING":
        run = await asyncio.to_thread(lambda: work.begin(work.agent("pod")))
    if state == "PAUSED":
        await tracker.set_state(real_account, work.path, "PAUSED")
    change = {"name": "after", "description": "ours\n\nuid: 1", "run_cap": 5}

    for _ in range(2):
        await tracker.update(real_account, work.path, CONFIG | change)

    assert await state_and_config(tracker, real_account, work.path) == (state, change)
    if run is not None:
        assert (await asyncio.to_thread(work.run, run))["state"] == "running"
    found = await tracker.find(real_account, entity=None, project="updates", marker="uid: 1")
    assert found is not None


async def test_a_raised_run_cap_lets_agents_go_on_and_a_lowered_one_sends_them_home(tracker, real_account, work):
    def let_agents_run():
        first, second, third = (work.agent(f"pod-{number}") for number in range(3))
        runs = [work.begin(first), work.begin(second)]
        full = work.heartbeat(third)
        return first, third, runs, full

    first, third, runs, full = await asyncio.to_thread(let_agents_run)
    await tracker.update(real_account, work.path, CONFIG | {"run_cap": 3})
    more = await asyncio.to_thread(work.begin, third)
    await tracker.update(real_account, work.path, CONFIG | {"run_cap": 1})
    for run in [*runs, more]:
        await asyncio.to_thread(work.end, run)

    assert full == []
    assert await asyncio.to_thread(work.heartbeat, first) == [{"type": "exit"}]
    assert work.state == "FINISHED"


async def test_a_run_cap_that_was_reached_already_ends_a_sweep_without_agents(tracker, real_account, work):
    await asyncio.to_thread(lambda: work.end(work.begin(work.agent("pod"))))
    going_on = work.state

    await tracker.update(real_account, work.path, CONFIG | {"run_cap": 1})

    assert (going_on, work.state) == ("RUNNING", "FINISHED")


@pytest.mark.parametrize("over", ["FINISHED", "CANCELED"])
async def test_a_sweep_that_is_over_is_neither_updated_nor_resumed(tracker, real_account, work, over):
    await tracker.set_state(real_account, work.path, over)

    await tracker.update(real_account, work.path, CONFIG | {"run_cap": 9})
    await tracker.set_state(real_account, work.path, "RUNNING")

    before = {key: CONFIG[key] for key in ("name", "description", "run_cap")}
    assert await state_and_config(tracker, real_account, work.path) == (over, before)


async def test_a_paused_sweep_hands_out_nothing_until_it_is_resumed(tracker, real_account, work):
    agent = await asyncio.to_thread(work.agent, "pod")
    await tracker.set_state(real_account, work.path, "PAUSED")
    paused = await asyncio.to_thread(work.heartbeat, agent)
    await tracker.set_state(real_account, work.path, "RUNNING")

    assert paused == []
    assert (await asyncio.to_thread(work.heartbeat, agent))[0]["type"] == "run"


async def test_a_sweep_that_is_gone_cannot_be_updated(tracker, real_account, work):
    with pytest.raises(SweepMissing, match="has no sweep"):
        await tracker.update(real_account, SweepPath(work.path.entity, "updates", "gone"), CONFIG)


async def test_an_update_that_says_the_same_is_not_sent(tracker, account, wandb, server):
    wandb.add(str(PATH), CONFIG)
    distributed = CONFIG["parameters"] | {"x": {"min": 0.0, "max": 1.0, "distribution": "uniform"}}
    wandb.sweeps["lab", "anymal", "a"].config = json.dumps(CONFIG | {"parameters": distributed})

    await tracker.update(account, PATH, CONFIG)

    assert len(server.requests) == 1


@pytest.mark.parametrize("change", [{"run_cap": 2.5}, {"run_cap": True}, {"name": None}])
async def test_an_update_that_says_anything_else_is_sent_once(tracker, account, wandb, server, change):
    wandb.add(str(PATH), CONFIG | {"run_cap": 1})

    for _ in range(2):
        await tracker.update(account, PATH, CONFIG | change)

    assert sum("$config" in request.query for request in server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply.of({"errors": [{"message": "run_cap is odd"}]}), ConfigRejected),
        (Reply.of({"errors": [{"message": "run_cap is odd"}]}, status=400), ConfigRejected),
        (Reply.of({"errors": [{"message": "denied"}]}, status=403), KeyRejected),
        (Reply.of({"errors": [{"message": "just deleted"}]}, status=404), SweepMissing),
    ],
)
async def test_a_refused_update_is_told_and_not_repeated(tracker, account, wandb, server, reply, error):
    wandb.add(str(PATH), CONFIG)
    server.answer = lambda request: reply if "$config" in request.query else wandb.answer(request)

    with pytest.raises(error):
        await tracker.update(account, PATH, CONFIG | {"run_cap": 3})

    assert len(server.requests) == 2


async def test_bounds_of_two_kinds_are_refused_before_anything_is_sent(tracker, account, server):
    with pytest.raises(ConfigRejected, match=r"parameters\.lr"):
        await tracker.update(account, PATH, {"method": "random", "parameters": {"lr": {"min": 0, "max": 0.5}}})

    assert server.requests == []


async def test_a_look_that_is_refused_is_not_repeated(tracker, account, server):
    server.answer = lambda _: Reply.of({"errors": [{"message": "no"}]})

    with pytest.raises(RequestRefused, match="refused to change sweep lab/anymal/a: no"):
        await tracker.set_state(account, PATH, "PAUSED")

    assert len(server.requests) == 1


CHANGES = {
    "set_state": (lambda tracker, account: tracker.set_state(account, PATH, "PAUSED"), "$state"),
    "update": (lambda tracker, account: tracker.update(account, PATH, CONFIG | {"run_cap": 3}), "$config"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("lost", [CUT, Reply(503, b"busy"), Reply(200, b"<html>")], ids=["cut", "503", "page"])
async def test_a_change_whose_answer_is_lost_is_looked_at_again_and_not_repeated(
    tracker, short_pauses, account, wandb, server, change, lost
):
    act, sign = CHANGES[change]
    wandb.add(str(PATH), CONFIG)

    def commit_then_lose(request):
        answer = wandb.answer(request)
        return lost if sign in request.query else answer

    server.answer = commit_then_lose
    await act(tracker, account)

    assert [sign in request.query for request in server.requests] == [False, True, False]


async def test_what_a_person_did_in_the_meantime_stands(tracker, short_pauses, account, wandb, server):
    sweep = wandb.add(str(PATH), CONFIG, state="PAUSED")

    def canceled_meanwhile(request):
        if "$state" not in request.query:
            return wandb.answer(request)
        sweep.state = "CANCELED"
        return CUT

    server.answer = canceled_meanwhile
    await tracker.set_state(account, PATH, "RUNNING")

    assert sweep.state == "CANCELED"


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_tried_three_times_and_no_more(tracker, short_pauses, account, wandb, server, change):
    act, sign = CHANGES[change]
    wandb.add(str(PATH), CONFIG)
    server.answer = lambda request: CUT if sign in request.query else wandb.answer(request)

    with pytest.raises(Unreachable):
        await act(tracker, account)

    assert sum(sign in request.query for request in server.requests) == 3
