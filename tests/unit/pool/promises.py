"""What a pool promises, checked in each pass of a simulated operator against what is really the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandbsweep.pool.actions import AskToLeave, RemoveAgent
from wandbsweep.pool.jobs import template_digest

if TYPE_CHECKING:
    from unit.pool.simulated_cluster import SimulatedPod
    from unit.pool.world import World
    from wandbsweep.api.status import WandbSweepStatus
    from wandbsweep.pool.actions import Plan
    from wandbsweep.pool.facts import Snapshot

LOWERED, CHANGED = "agentCount was lowered", "the template changed"


def of_slots(world: World) -> None:
    slots = [job.fact.slot for job in world.agents()]
    assert len(slots) == len(set(slots)), "two agents in one slot"


def of_hours(world: World, status: WandbSweepStatus) -> None:
    before, after = world.status.gpu_hours, status.gpu_hours
    if before and after:
        assert after.total >= before.total - 1e-5, "GPU-hours were lost"
    if after:
        assert after.total <= world.cluster.true_hours + 1e-3, "GPU-hours were counted twice"


def of_farewells(world: World, snapshot: Snapshot, plan: Plan) -> None:
    removed = {action.job_name: action for action in plan.actions if isinstance(action, RemoveAgent)}
    live = {pod.job: pod for pod in world.cluster.live()}
    _nothing_is_forgotten(world, removed)
    _the_idle_go_first(world, snapshot, removed, live)
    asked = [action for action in plan.actions if isinstance(action, AskToLeave) and action.why == CHANGED]
    rolled = [live[name] for name, action in removed.items() if action.why == CHANGED and name in live]
    assert not any(pod.run for pod in rolled), "a run is lost to a change of the template"
    running = [pod for pod in rolled if pod.fact.phase == "Running"]
    leaving = [pod for pod in live.values() if pod.fact.leaving and _is_outdated(world, pod)]
    assert len(running) + len(asked) + (len(leaving) if asked or running else 0) <= 1, "two agents are replaced at once"


def _is_outdated(world: World, pod: SimulatedPod) -> bool:
    return world.cluster.jobs[pod.job].fact.digest != template_digest(world.spec)


def _nothing_is_forgotten(world: World, removed: dict[str, RemoveAgent]) -> None:
    for name, action in removed.items():
        ended = {pod.fact.uid for pod in world.cluster.pods.values() if pod.job == name and pod.fact.ended_at}
        noted = ended <= set(world.status.settled_pods)
        assert action.running or noted, f"{name} is removed before its pods were accounted for"


def _the_idle_go_first(
    world: World, snapshot: Snapshot, removed: dict[str, RemoveAgent], live: dict[str, SimulatedPod]
) -> None:
    going = [live[name] for name, action in removed.items() if action.why == LOWERED and name in live]
    if not world.spec.agent_count or not any(pod.run for pod in going):
        return
    assert snapshot.busy is not None, "a running agent is removed without a look at who works"
    staying = [pod for name, pod in live.items() if name not in removed and not pod.fact.deleting]
    assert all(pod.run for pod in staying), "a busy agent goes while an idle one stays"
