"""Agents in a queue: admitted one by one, taken back, admitted again, and nobody fights over a Job.

The same is asked of Kueue itself and of a queue that is shaped like it, which can be read and debugged.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kube_client import Kube
from kueue_queues import kueue_queue
from places import a_grid
from queued_sweeps import (
    LABELS,
    OPERATORS_OWN_NODES,
    QUEUE,
    apply_queued,
    changes_to_jobs,
    running_jobs,
    running_pods,
    until_training,
)
from queues import FLAVOR, running_queue
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters import Cluster
    from kueue_queues import KueueQueue
    from queues import Queue

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

QUEUES = {"shaped": ("control_plane", running_queue), "kueue": ("kueue_cluster", kueue_queue)}


@pytest.fixture(scope="session", params=list(QUEUES))
def held_by(request) -> tuple[Cluster, Any]:
    """Where a queue is kept, and what keeps it."""
    cluster, keeps = QUEUES[request.param]
    return request.getfixturevalue(cluster), keeps


@pytest.fixture(scope="session")
def kube(held_by) -> Kube:
    cluster, _ = held_by
    return Kube(cluster.kubeconfig, cluster.kubectl_path)


@pytest.fixture
def queue(held_by, kube, place) -> Iterator[Queue | KueueQueue]:
    _, keeps = held_by
    with keeps(kube, place.namespace, QUEUE) as running:
        yield running


def test_agents_are_admitted_one_by_one_and_a_pool_larger_than_the_quota_comes_to_its_end(
    proxied_operator, kubernetes_between, place, queue, node_for, tmp_path
):
    gate = tmp_path / "gate"
    node_for(place, WANDB_BASE_URL=place.server.url, TRAINER_GATE=str(gate))
    apply_queued(place, sweep=a_grid(0.1, 0.2, 0.3), agentCount=3, runsPerAgent=1)

    queued = place.until_condition("AgentsReady", "False", reason="AgentsQueued")
    until(lambda: place.status()["agents"].get("queued") == 3, "all three wait")
    assert f"queue {QUEUE}" in queued["message"]
    assert all(job["spec"]["suspend"] for job in place.jobs())
    assert all(LABELS.items() <= job["metadata"]["labels"].items() for job in place.jobs())
    assert not place.pods()
    assert "admissionTime" not in place.status()
    assert proxied_operator.metrics()["wandbsweep_agents{state=queued}"] == 3

    queue.allow(1)

    until_training(place, 1)
    status = until(lambda: place.status() if place.status()["agents"].get("queued") == 2 else None, "two wait")
    assert status["agents"]["active"] == 3
    assert status["admissionTime"]
    (pod,) = place.pods()
    assert pod["spec"]["nodeSelector"] == {**OPERATORS_OWN_NODES, **FLAVOR}

    gate.touch()

    place.until_condition("Complete", seconds=120)
    until(lambda: not place.jobs(), "no Job is left, the ones that waited among them")
    runs = place.runs(place.status()["sweepID"])
    assert sorted(json.loads(run["config"])["lr"]["value"] for run in runs) == [0.1, 0.2, 0.3]
    assert "queued" not in place.status()["agents"]
    assert not {"AgentFailed", "AgentEvicted", "RunFailed"} & set(place.event_reasons())
    assert changes_to_jobs(kubernetes_between) == []


def test_an_evicted_agent_preempts_its_run_and_goes_on_in_the_same_job_when_it_is_admitted_again(
    proxied_operator, kubernetes_between, place, queue, node_for, tmp_path
):
    gate = tmp_path / "gate"
    node_for(place, WANDB_BASE_URL=place.server.url, TRAINER_GATE=str(gate))
    queue.allow(1)
    apply_queued(place, sweep=a_grid(0.1, 0.2), agentCount=1, limits={"maxFailedRuns": 1})
    until_training(place, 1)
    (interrupted,) = place.runs(place.status()["sweepID"])
    (job,) = place.jobs()

    queue.evict()

    until(lambda: not running_pods(place), "its pod has gone")
    place.until_condition("AgentsReady", "False", reason="AgentsQueued")
    until(lambda: place.status()["runs"]["preempted"] == 1, "its run was preempted", seconds=90)
    until(lambda: "AgentEvicted" in place.event_reasons(), "the eviction is told")
    status = until(lambda: place.status() if place.status()["gpuHours"]["total"] else None, "its hours count")
    assert status["gpuHours"]["failed"] == 0
    assert status["gpuHours"]["active"] == 0
    assert "avoidedNodes" not in status or status["avoidedNodes"] == []
    assert place.jobs()[0]["spec"]["template"]["spec"]["nodeSelector"] == OPERATORS_OWN_NODES

    gate.touch()
    queue.allow(1)

    place.until_condition("Complete", seconds=120)
    runs = place.runs(place.status()["sweepID"])
    assert interrupted["name"] in {run["name"] for run in runs}
    assert sorted(json.loads(run["config"])["lr"]["value"] for run in runs) == [0.1, 0.2]
    assert place.status()["failures"] == {"preempted": 1}
    told = place.event_reasons()
    assert (told.count("AgentCreated"), told.count("AgentEvicted"), told.count("AgentFailed")) == (1, 1, 0)
    assert any(event["message"].startswith(f"Job {job['metadata']['name']} ") for event in place.events())
    assert changes_to_jobs(kubernetes_between) == []
    assert "Traceback" not in proxied_operator.log


def test_those_that_wait_go_first_when_the_pool_shrinks_and_all_when_it_is_suspended(
    proxied_operator, kubernetes_between, place, queue, node_for, tmp_path
):
    node_for(place, WANDB_BASE_URL=place.server.url, TRAINER_GATE=str(tmp_path / "gate"))
    apply_queued(place, sweep=a_grid(0.1, 0.2, 0.3), agentCount=3)
    until(lambda: len(place.job_names()) == 3, "three wait")
    queue.allow(1)
    until_training(place, 1)
    (working,) = running_jobs(place)

    place.scale(1)

    place.until_jobs(working)
    place.until_condition("AgentsReady", reason="AllReady")

    place.scale(2)
    until(lambda: place.status()["agents"].get("queued") == 1, "one more waits")
    place.edit(suspend=True)

    place.until_condition("Suspended", reason="Suspended")
    until(lambda: not place.job_names() and not place.pods(), "nothing is left that could be admitted")
    assert changes_to_jobs(kubernetes_between) == []
    assert "Traceback" not in proxied_operator.log
