"""What may happen to a simulated sweep: to its agents, its search, their nodes, W&B, the operator and the object."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from builders import a_template
from unit.pool.world import World, another_definition, another_search
from wandbsweep.agent.exit_codes import SearchExit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from unit.pool.simulated_cluster import SimulatedPod

MINUTE = timedelta(minutes=1)
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


def drain_search(world: World, _: int) -> None:
    world.searches.drain(world.now)


def fail_search(world: World, number: int) -> None:
    world.searches.fail(world.now, [SearchExit.FAILED, SearchExit.UNREACHABLE][number % 2])


def delete_search(world: World, _: int) -> None:
    for name in list(world.searches.jobs):
        world.searches.remove(name, world.now)


OF_SEARCHES: dict[str, Callable[[World, int], None]] = {
    **EVENTS,
    "the search is drained": drain_search,
    "the search ends badly": fail_search,
    "the search's Job is deleted": delete_search,
    "another sweep is wanted": lambda world, number: world.edit(sweep=another_search(number % 3)),
    "another template of the search": lambda world, number: world.edit(
        search={"template": {"spec": {"nodeSelector": {"number": str(number)}}}}
    ),
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


def have_trouble(
    world: World, named: Mapping[str, Callable[[World, int], None]], events: Iterable[tuple[int, str, int]]
) -> None:
    """An hour, in which these events come at their minutes."""
    events = list(events)
    for minute in range(61):
        for _, event, number in (entry for entry in events if entry[0] == minute):
            named[event](world, number)
        world.run(MINUTE)
