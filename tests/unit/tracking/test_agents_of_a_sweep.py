"""What the agents of a sweep are at, on a real server, and the tags that are put on the run of one that died."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from unit.tracking.sweep_at_work import SweepAtWork
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.errors import SweepMissing
from wandbsweep.tracking.protocol import RunTags

CONFIG = {"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}}
OOM, NAN, NODE = "x:oom", "x:nan", "x.node:gpu-7"
TAGS = RunTags(failing=(OOM, NAN), settling=("x:stopped",), lasting=("x:preempted",))


def soon() -> datetime:
    return datetime.now(timezone.utc) + timedelta(minutes=1)


@pytest.fixture
def account(real_account):
    return real_account


@pytest.fixture
def tracker(new_tracker):
    return new_tracker(timeout_seconds=50.0, run_tags=TAGS)


@pytest.fixture
async def sweep(tracker, account, wandb_server):
    """The sweep's path, and a way to do as its agents do without holding up the loop."""
    path = (await tracker.create(account, entity=None, project="agents", config=CONFIG)).path
    return Sweep(SweepAtWork(wandb_server, path), path)


class Sweep:
    def __init__(self, work: SweepAtWork, path: SweepPath) -> None:
        self.work = work
        self.path = path

    async def do(self, act, *arguments):
        return await asyncio.to_thread(act, *arguments)

    async def begin(self, host):
        """An agent on this host, with a run; both IDs."""
        agent = await self.do(self.work.agent, host)
        return agent, await self.do(self.work.begin, agent)


async def by_host(tracker, account, sweep, **more):
    views = await tracker.agents(account, sweep.path, **more)
    assert len({view.host for view in views}) == len(views)
    return {view.host: view for view in views}


async def test_busy_agents_are_told_from_idle_ones(tracker, account, sweep):
    before = datetime.now(timezone.utc)
    _, busy = await sweep.begin("pod-busy")
    _, done = await sweep.begin("pod-done")
    await sweep.do(sweep.work.end, done)
    await sweep.do(sweep.work.agent, "pod-new")
    handed = await sweep.do(sweep.work.next_run, await sweep.do(sweep.work.agent, "pod-starting"))

    views = await by_host(tracker, account, sweep)

    assert {host: view.run_id for host, view in views.items()} == {
        "pod-busy": busy,
        "pod-done": None,
        "pod-new": None,
        "pod-starting": handed,
    }
    assert before <= views["pod-busy"].busy_since <= views["pod-starting"].busy_since <= datetime.now(timezone.utc)
    assert views["pod-done"].busy_since is None
    assert all(view.seen_at >= before for view in views.values())


async def test_of_several_agents_on_a_host_the_one_that_was_heard_last_counts(tracker, account, sweep):
    await sweep.begin("pod")
    again, run = await sweep.begin("pod")
    await sweep.do(sweep.work.end, run)
    await sweep.do(sweep.work.heartbeat, again, run)

    assert (await by_host(tracker, account, sweep))["pod"].run_id is None


async def test_only_the_hosts_that_are_asked_for_are_told(tracker, account, sweep):
    for host in ("pod-0", "pod-1", "pod-2"):
        await sweep.begin(host)

    assert set(await by_host(tracker, account, sweep, hosts={"pod-1", "pod-9"})) == {"pod-1"}
    assert await tracker.agents(account, sweep.path, hosts=()) == ()


async def test_a_run_that_was_preempted_belongs_to_whoever_took_it_up(tracker, account, sweep):
    _, run = await sweep.begin("pod-0")
    second, other = await sweep.begin("pod-1")
    await sweep.do(sweep.work.preempting, run)
    preempting = (await by_host(tracker, account, sweep))["pod-0"].run_id
    await sweep.do(sweep.work.end, run, 143)
    await sweep.do(sweep.work.end, other)
    resumed = await sweep.do(sweep.work.next_run, second)

    views = await by_host(tracker, account, sweep)

    assert preempting == resumed == run
    assert (views["pod-0"].run_id, views["pod-1"].run_id) == (None, run)
    assert views["pod-1"].busy_since < views["pod-1"].seen_at


async def test_more_agents_than_fit_into_one_request_are_told(tracker, account, sweep):
    hosts = [f"pod-{number}" for number in range(60)]
    for host in hosts:
        await sweep.do(sweep.work.agent, host)

    assert set(await by_host(tracker, account, sweep)) == set(hosts)


@pytest.mark.parametrize("gone", ["gone", "no-such-project"])
async def test_a_sweep_that_is_gone_has_no_agents_and_no_runs_to_tag(tracker, account, sweep, gone):
    project = gone if gone == "no-such-project" else sweep.path.project
    path = SweepPath(sweep.path.entity, project, "gone")

    with pytest.raises(SweepMissing, match="has no sweep"):
        await tracker.agents(account, path)
    with pytest.raises(SweepMissing, match="has no sweep"):
        await tracker.tag_current_run(account, path, "pod", [OOM], ended_before=soon())


async def tag(tracker, account, sweep, host="pod", *, tags=(OOM, NODE), ended_before=None):
    return await tracker.tag_current_run(account, sweep.path, host, tags, ended_before=ended_before or soon())


async def test_the_run_of_a_container_that_died_is_tagged_once(tracker, account, sweep):
    _, run = await sweep.begin("pod")
    await sweep.do(sweep.work.tag, run, "mine", "x:preempted")

    assert [await tag(tracker, account, sweep) for _ in range(2)] == [run, run]

    found = await sweep.do(sweep.work.run, run)
    assert found == {"state": "running", "tags": ["mine", "x:preempted", OOM, NODE]}


async def test_a_run_that_has_crashed_by_now_is_tagged_as_well(tracker, account, sweep):
    agent, run = await sweep.begin("pod")
    await tracker.set_state(account, sweep.path, "PAUSED")
    await sweep.do(sweep.work.heartbeat, agent)

    assert await tag(tracker, account, sweep) == run

    found = await sweep.do(sweep.work.run, run)
    assert (found["state"], found["tags"]) == ("crashed", [OOM, NODE])


@pytest.mark.parametrize("case", ["finished", "told already", "came later", "no run", "no agent"])
async def test_a_run_that_the_container_did_not_take_with_it_is_left_alone(tracker, account, sweep, case):
    if case != "no agent":
        agent = await sweep.do(sweep.work.agent, "pod")
    run = await sweep.do(sweep.work.begin, agent) if case not in {"no run", "no agent"} else None
    if case == "finished":
        await sweep.do(sweep.work.end, run)
    if case == "told already":
        await sweep.do(sweep.work.end, run, 1, NAN)
    ended_before = soon() - timedelta(hours=1) if case == "came later" else None

    assert await tag(tracker, account, sweep, ended_before=ended_before) is None

    if run is not None:
        found = await sweep.do(sweep.work.run, run)
        assert found["tags"] == ([NAN] if case == "told already" else [])


async def test_a_run_that_waits_for_another_agent_is_left_alone(tracker, account, sweep):
    _, run = await sweep.begin("pod")
    await sweep.do(sweep.work.preempting, run)
    await sweep.do(sweep.work.end, run, 143)

    assert await tag(tracker, account, sweep) is None
    assert (await sweep.do(sweep.work.run, run))["tags"] == []
