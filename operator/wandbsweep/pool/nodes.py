"""Nodes that new agents keep away from: every run failed there, while others do well elsewhere.

The list is `status.avoidedNodes`. A node comes onto it only if another node is known to run agents of this sweep, so
that a cluster of one node never shuts itself out; otherwise the failures may be the user's code, and the node is merely
unwelcome: used when no other has room. It leaves the list after an hour, or when the whole pool has waited ten minutes
for a place: a suspect node is better than none.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.exit_codes import AgentExit
from wandbsweep.api.status import AvoidedNode
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.gpu_hours import has_ended, unsettled

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from wandbsweep.pool.facts import AgentPod, Snapshot

AVOIDED_FOR: Final = timedelta(hours=1)
STANDSTILL: Final = timedelta(minutes=10)
MANY_LIVES: Final = 3  # how many times as long as the failed agent another one must have lived to show that it can
MOST: Final = 10


def next_avoided(snapshot: Snapshot) -> list[AvoidedNode]:
    """The next status.avoidedNodes, newest first."""
    if _stands_still(snapshot):
        return []
    listed = {node.name: node for node in snapshot.status.avoided_nodes if snapshot.now - node.since < AVOIDED_FOR}
    for pod in sorted(unsettled(snapshot), key=lambda pod: pod.ended_at or snapshot.now):
        if pod.node and _failed_all(pod) and _elsewhere_it_works(pod, snapshot, without=listed):
            since = pod.ended_at or snapshot.now
            listed[pod.node] = AvoidedNode(name=pod.node, since=since, message=pod.exit_message or "")
    return sorted(listed.values(), key=lambda node: (node.since, node.name), reverse=True)[:MOST]


def avoided(snapshot: Snapshot) -> tuple[str, ...]:
    """The names of the nodes that a new agent must not run on."""
    return tuple(sorted(node.name for node in next_avoided(snapshot)))


def unwelcome(snapshot: Snapshot) -> tuple[str, ...]:
    """The names of other nodes on which an agent failed lately: those whose ended pods are still there."""
    failed = {
        pod.node
        for pod in snapshot.pods
        if pod.node and pod.ended_at and _failed_all(pod) and snapshot.now - pod.ended_at < AVOIDED_FOR
    }
    return tuple(sorted(failed - set(avoided(snapshot))))


def _failed_all(pod: AgentPod) -> bool:
    finished = (pod.seconds or {}).get("finished", 0.0)
    return pod.exit_reason == AgentExit.RUNS_FAILED.reason and not finished


def _elsewhere_it_works(failed: AgentPod, snapshot: Snapshot, *, without: Collection[str]) -> bool:
    """Whether another node that may be used does better: runs finished, or an agent that started no later lives on."""
    others = [pod for pod in snapshot.pods if pod.node not in {None, failed.node, *without}]
    if any((pod.seconds or {}).get("finished") for pod in others):
        return True
    some_finished = bool(snapshot.reading and snapshot.reading.count("finished"))
    enough = timedelta() if some_finished else MANY_LIVES * _life(failed, snapshot.now)
    return any(pod.ready and _life(pod, snapshot.now) >= enough for pod in others)


def _life(pod: AgentPod, now: datetime) -> timedelta:
    return (pod.ended_at or now) - pod.started_at if pod.started_at else timedelta()


def _stands_still(snapshot: Snapshot) -> bool:
    """Whether no agent has a node, and one has found none for a while."""
    live = [pod for pod in snapshot.pods if not has_ended(pod)]
    long_ago = {
        job.name
        for job in snapshot.jobs
        if job.phase is JobPhase.ACTIVE and snapshot.now - (job.started_at or job.created_at) > STANDSTILL
    }
    waiting = any(pod.unschedulable and pod.job_name in long_ago for pod in live)
    return waiting and not any(pod.node for pod in live)
