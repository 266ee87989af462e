"""What only Kueue itself can show: Workloads, priorities, its default queue, and the examples as it takes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from kube_client import Kube
from kueue_queues import API, holds, kueue_queue
from places import a_grid
from queued_sweeps import (
    LABELS,
    QUEUE,
    apply_queued,
    changes_to_jobs,
    running_jobs,
    running_pods,
    until_queued,
    until_training,
)
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters import Cluster
    from kueue_queues import KueueQueue

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

EXAMPLES = Path(__file__).parents[3] / "examples" / "kueue"


@pytest.fixture(scope="session")
def kube(kueue_cluster: Cluster) -> Kube:
    return Kube(kueue_cluster.kubeconfig, kueue_cluster.kubectl_path)


@pytest.fixture
def queue(kube, place) -> Iterator[KueueQueue]:
    with kueue_queue(kube, place.namespace, QUEUE, sweeps=100, urgent=1000) as made:
        yield made


def test_each_agent_is_a_workload_of_its_own_and_nothing_of_it_outlives_the_sweep(
    proxied_operator, kubernetes_between, place, queue
):
    apply_queued(place, agentCount=2)
    until_queued(place, 2)
    until(lambda: len(queue.workloads()) == 2, "each agent has its Workload")
    assert not any(holds(each, "QuotaReserved") for each in queue.workloads())

    queue.allow(1)

    (started,) = until(lambda: running_jobs(place), "one of them starts")
    workload = until(
        lambda: each if holds(each := queue.workload_of(started), "Admitted") else None, "its Workload is admitted"
    )
    assert holds(workload, "QuotaReserved")
    assert workload["spec"]["queueName"] == QUEUE
    assert workload["spec"]["priority"] == 100
    assert sum(holds(each, "QuotaReserved") for each in queue.workloads()) == 1
    until_queued(place, 1)

    place.delete()

    place.until_gone()
    until(lambda: not queue.workloads(), "no Workload is left")
    assert changes_to_jobs(kubernetes_between) == []


def test_a_sweep_of_higher_priority_takes_the_place_of_an_agent_which_goes_on_afterwards(
    proxied_operator, kubernetes_between, place, queue, node_for, tmp_path
):
    gate = tmp_path / "gate"
    node_for(place, WANDB_BASE_URL=place.server.url, TRAINER_GATE=str(gate))
    queue.allow(1)
    apply_queued(place, "patient", sweep=a_grid(0.1), agentCount=1)
    until_training(place, 1, "patient")
    (job,) = place.job_names("patient")

    urgent = {**LABELS, "kueue.x-k8s.io/priority-class": "urgent"}
    apply_queued(place, "urgent", urgent, sweep=a_grid(0.2), agentCount=1)

    until_training(place, 1, "urgent")
    until_queued(place, 1, "patient")
    until(lambda: "AgentEvicted" in place.event_reasons("patient"), "the eviction is told")
    assert not running_pods(place, "patient")

    gate.touch()

    place.until_condition("Complete", name="urgent", seconds=120)
    place.until_condition("Complete", name="patient", seconds=120)
    told = [event["message"] for event in place.events("patient") if event["reason"] == "AgentCreated"]
    assert len(told) == 1, "the agent went on in the Job that it had"
    assert any(job in text for text in told)
    assert place.status("patient")["failures"] == {"preempted": 1}
    assert changes_to_jobs(kubernetes_between) == []


def test_a_default_queue_that_takes_what_names_none_is_not_fought_over(
    proxied_operator, kubernetes_between, place, node_for, kube
):
    node_for(place, WANDB_BASE_URL=place.server.url)
    with kueue_queue(kube, place.namespace, "default") as queue:
        apply_queued(place, labels={}, sweep=a_grid(0.1, 0.2), agentCount=2)

        queued = place.until_condition("AgentsReady", "False", reason="AgentsQueued")
        until_queued(place, 2)
        assert "queue default" in queued["message"]
        assert all(job["spec"]["suspend"] for job in place.jobs())
        first = set(place.job_names())

        queue.allow(2)

        place.until_condition("Complete", seconds=120)
        created = [event["message"] for event in place.events() if event["reason"] == "AgentCreated"]
        assert len(created) == len(first) == 2, "Kueue's label is no reason to make them anew"
        assert changes_to_jobs(kubernetes_between) == []
        assert not {"AgentFailed", "AgentEvicted", "RunFailed"} & set(place.event_reasons())


def test_an_agent_that_ran_as_long_as_kueue_allows_is_taken_back_for_good_and_told_of_as_waiting(
    proxied_operator, kubernetes_between, place, queue, node_for, tmp_path
):
    node_for(place, WANDB_BASE_URL=place.server.url, TRAINER_GATE=str(tmp_path / "gate"))
    queue.allow(1)
    apply_queued(place, labels={**LABELS, "kueue.x-k8s.io/max-exec-time-seconds": "3"}, agentCount=1)

    until(lambda: "AgentEvicted" in place.event_reasons(), "it is taken back", seconds=120)
    until_queued(place, 1)
    (workload,) = queue.workloads()
    assert workload["spec"]["active"] is False
    assert len(place.job_names()) == 1
    assert changes_to_jobs(kubernetes_between) == []


def test_the_examples_are_what_kueue_takes_and_as_many_agents_start_as_there_are_gpus(
    proxied_operator, kubernetes_between, place, kube
):
    for name in ("queues.yaml", "sweep.yaml"):
        place.kubectl("apply", "--server-side", "-f", str(EXAMPLES / name))
    sweep = yaml.safe_load((EXAMPLES / "sweep.yaml").read_text())["metadata"]["name"]
    workloads = f"{API}/namespaces/{place.namespace}/workloads"

    until(lambda: sum(holds(each, "Admitted") for each in kube.items(workloads)) == 2, "two are admitted", seconds=60)
    until_queued(place, 2, sweep)
    assert {each["spec"]["priority"] for each in kube.items(workloads)} == {100}
    assert len(kube.items(workloads)) == 4
    assert len(running_jobs(place, sweep)) == 2
    assert changes_to_jobs(kubernetes_between) == []
    for path in ("clusterqueues/sweeps", "resourceflavors/gpu"):
        kube.delete(f"{API}/{path}")
