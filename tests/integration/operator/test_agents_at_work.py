"""Agents that are known to work or to wait, that are killed, and what is counted of them."""

from __future__ import annotations

import os
import signal

import pytest

from places import a_grid, a_template
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

GPU = {"name": "trainer", "image": "lab/trainer:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}


def pod_of(place, job):
    """The name of the running pod of a Job."""

    def running():
        pods = [pod for pod in place.pods() if pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == job]
        return next((pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"), None)

    return until(running, f"{job} has a pod that runs", seconds=60)


def test_of_two_agents_the_one_without_a_run_goes_first(operated, node_for, tmp_path):
    node = node_for(operated, TRAINER_GATE=str(tmp_path / "never"))
    operated.apply(sweep=a_grid(*range(1, 9)), agentCount=1, template=a_template(terminationGracePeriodSeconds=3))
    waiting = node.process_of(pod_of(operated, "anymal-0-0"))
    os.killpg(waiting.process.pid, signal.SIGSTOP)  # it never comes to ask for a run
    operated.scale(2)
    until(lambda: operated.status().get("runs", {}).get("running") == 1, "the other one trains", seconds=90)

    operated.scale(1)

    operated.until_jobs("anymal-1-0")
    until(lambda: len(operated.pods()) == 1, "one pod is left")
    assert operated.status()["runs"]["running"] == 1


def test_a_container_that_is_killed_for_its_memory_is_told_of_by_the_operator(operated, node_for, tmp_path):
    gate = tmp_path / "gate"
    node = node_for(operated, TRAINER_GATE=str(gate))
    operated.apply(sweep=a_grid(0.1, 0.2), template=a_template(containers=[GPU]))
    until(lambda: operated.status().get("runs", {}).get("running"), "a run trains", seconds=90)

    node.kill_for_memory(pod_of(operated, "anymal-0-0"))
    gate.touch()

    until(lambda: operated.status().get("failures") == {"out-of-memory": 1}, "it is counted for its cause", seconds=60)
    told = until(
        lambda: [event["message"] for event in operated.events() if event["reason"] == "RunFailed"], "it is told"
    )
    assert "out-of-memory" in told[0]
    assert f"on node {node.name}" in told[0]
    until(lambda: operated.status()["gpuHours"]["failed"] > 0, "its hours were lost to a failure")
    until(lambda: operated.status()["runs"]["finished"] == 1, "the next agent goes on", seconds=60)
    assert operated.status()["failures"] == {"out-of-memory": 1}
