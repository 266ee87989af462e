"""Whatever happens to a sweep, its pool comes to what was asked for, and no promise is broken on the way."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from builders import a_template
from unit.pool.world import World, another_definition
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.gpu_hours import PARTS, REFRESH
from wandbsweep.pool.jobs import template_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from unit.pool.simulated_cluster import SimulatedPod

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NODES = [("gpu-1", 4), ("gpu-2", 3), ("gpu-3", 2)]


def some_pod(world: World, number: int) -> SimulatedPod | None:
    pods = [pod for pod in world.cluster.live() if not pod.fact.deleting]
    return pods[number % len(pods)] if pods else None


def delete_pod(world: World, number: int) -> None:
    """A drain, a preemption, or kubectl delete pod."""
    if pod := some_pod(world, number):
        world.cluster.delete_pod(pod, world.now)


def end_agent(world: World, number: int) -> None:
    pod = some_pod(world, number)
    if pod and pod.fact.phase == "Running":
        world.cluster.end_agent(pod, world.now, oom=number % 2 == 0)


def delete_job(world: World, number: int) -> None:
    if pod := some_pod(world, number):
        world.cluster.delete_job(pod.job, world.now)


def lose_node(world: World, number: int) -> None:
    world.cluster.lose_node(NODES[number % len(NODES)][0], world.now)


def spoil_node(world: World, number: int) -> None:
    node = world.cluster.nodes[number % len(NODES)]
    node.bad = not node.bad


def lose_wandb(world: World, number: int) -> None:
    world.wandb_back_at = world.now + (1 + number % 20) * MINUTE


def show_old_readings(world: World, number: int) -> None:
    world.fresh_at = world.now + (1 + number % 5) * MINUTE


def kill_operator(world: World, number: int) -> None:
    world.dies_after = number % 4


def press_on_wandb(world: World, number: int) -> None:
    """Pause and resume on the sweep's page."""
    if world.sweep and world.sweep.state in {"RUNNING", "PAUSED"}:
        world.sweep.state = "PAUSED" if number % 2 else "RUNNING"


def change_template(world: World, number: int) -> None:
    works = number % 3 != 0
    world.edit(template=a_template(image=f"lab/trainer:{number}"), template_works=works)


EVENTS: dict[str, Callable[[World, int], None]] = {
    "a pod is deleted": delete_pod,
    "an agent ends badly": end_agent,
    "a Job is deleted": delete_job,
    "a node is lost": lose_node,
    "a node fails every run, or no longer": spoil_node,
    "W&B is away": lose_wandb,
    "W&B shows what was so before": show_old_readings,
    "the operator dies": kill_operator,
    "somebody pauses or resumes on W&B": press_on_wandb,
    "agentCount changes": lambda world, number: world.edit(agentCount=number % 10),
    "some agents are too many": lambda world, number: world.edit(
        agentCount=max(len(world.agents()) - 1 - number % 3, 1)
    ),
    "the sweep is suspended or resumed": lambda world, number: world.edit(suspend=bool(number % 2)),
    "the drain policy changes": lambda world, number: world.edit(drainPolicy=["AtOnce", "AfterRun"][number % 2]),
    "agents are recycled, or no longer": lambda world, number: world.edit(runsPerAgent=number % 4 or None),
    "the template changes": change_template,
    "another sweep is wanted": lambda world, number: world.edit(sweep=another_definition(number % 3)),
}


def end_all_trouble(world: World) -> None:
    """All faults are mended, and a pool of six is wanted, made from a template that works."""
    for node in world.cluster.nodes:
        node.alive, node.bad = True, False
    world.wandb_back_at = world.fresh_at = world.now
    world.dies_after = None
    world.edit(agentCount=6, suspend=False, template=a_template(), template_works=True)
    if world.sweep and world.sweep.state == "PAUSED":
        world.sweep.state = "RUNNING"


def has_come_to_rest(world: World) -> bool:
    """As many agents as are wanted, all ready and none that is asked to leave, of this template and this sweep."""
    agents = world.agents()
    ready = [pod for pod in world.cluster.live() if pod.fact.ready and not pod.fact.leaving]
    return (
        len(agents) == len(ready) == world.spec.agent_count
        and {job.fact.digest for job in agents} == {template_digest(world.spec)}
        and {job.fact.sweep for job in agents} == {world.status.sweep_path}
        and not any(job.fact.deleting for job in agents)
    )


def assert_all_hours_are_accounted_for(world: World) -> None:
    hours = world.status.gpu_hours
    assert hours is not None
    assert hours.total == pytest.approx(hours.active + sum(getattr(hours, part) for part in PARTS), abs=1e-4)
    if not world.lost_memories:
        since_the_last_refresh = 0.0 if world.status.completion_time else len(world.agents()) * REFRESH / HOUR
        assert hours.total == pytest.approx(world.cluster.true_hours, abs=since_the_last_refresh + 0.02)


happenings = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(sorted(EVENTS)), st.integers(0, 99)), max_size=14
).map(sorted)


WITHOUT_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]  # each try takes a second


@settings(max_examples=8, deadline=None, phases=WITHOUT_SHRINKING, suppress_health_check=[HealthCheck.too_slow])
@given(happenings, st.integers(0, 2**16))
def test_from_any_state_the_pool_comes_to_what_is_wanted_and_stays_so(events, seed):
    """An hour of trouble, then none: half an hour later runs of 20 minutes have ended and all agents are as wanted."""
    world = World(seed, runs=10_000, run_seconds=600, nodes=NODES, agentCount=4)
    for minute in range(61):
        for _, event, number in (entry for entry in events if entry[0] == minute):
            EVENTS[event](world, number)
        world.run(MINUTE)
    end_all_trouble(world)
    waited = 0
    while not has_come_to_rest(world):
        world.run(MINUTE)
        waited += 1
        assert waited < 6 * 20, "the pool does not come to what is wanted"
    jobs = {job.fact.name for job in world.agents()}
    world.run(30 * MINUTE)
    assert {job.fact.name for job in world.agents()} == jobs or world.spec.runs_per_agent
    assert_all_hours_are_accounted_for(world)


@pytest.mark.parametrize("seed", range(3))
def test_a_day_of_trouble_later_each_of_200_runs_was_handed_out_and_ended(seed):
    """24 hours in steps of ten seconds: twelve with some trouble every quarter of an hour, twelve without."""
    chance = Random(seed)
    world = World(seed, runs=200, run_seconds=800, nodes=NODES, agentCount=8)
    for _ in range(48):
        EVENTS[chance.choice(sorted(EVENTS))](world, chance.randrange(100))
        world.run(15 * MINUTE)
    end_all_trouble(world)
    world.run(12 * HOUR)

    assert world.status.completion_time is not None
    assert not world.cluster.live()
    assert not [job for job in world.cluster.jobs.values() if job.fact.phase is JobPhase.ACTIVE]
    sweep = world.sweep
    assert sweep is not None
    assert len(sweep.runs) == sweep.cap == 200
    assert set(sweep.counts()) <= {"finished", "failed", "crashed"}
    assert {other.state for other in world.sweeps.values() if other is not sweep} <= {"FINISHED"}
    assert_all_hours_are_accounted_for(world)
