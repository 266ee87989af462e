"""The README's promise: apply the example, watch one object, find trained policies and no pod left."""

from __future__ import annotations

import pytest

from installed import EXAMPLE, a_cartpole_sweep
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_the_example_trains_its_runs_and_gives_every_gpu_back(installed, robots):
    kubectl = installed.cluster.kubectl
    kubectl("-n", robots, "apply", "-f", str(EXAMPLE))

    kubectl("-n", robots, "wait", "--for=condition=Complete", "wandbsweep/cartpole", "--timeout=600s")

    status = installed.sweep(robots)
    assert status["phase"] == "Succeeded"
    runs = status["runs"]
    assert [runs["total"], runs["finished"], runs["failed"], runs["crashed"], runs["killed"]] == [12, 12, 0, 0, 0]
    assert runs["summary"] == "12/12"
    assert status["best"]["value"] > 0
    assert set(status["best"]["parameters"]) == set(a_cartpole_sweep()["spec"]["sweep"]["parameters"])
    until(lambda: not installed.pods_of(robots), "no agent pod is left", seconds=60)
    line = kubectl("-n", robots, "get", "wandbsweep", "cartpole")
    assert "Succeeded" in line
    assert "12/12" in line


def test_the_pool_follows_kubectl_scale_both_ways(installed, robots):
    installed.apply(robots, a_cartpole_sweep(agentCount=1, maxRuns=40))
    kubectl = installed.cluster.kubectl
    until(lambda: installed.jobs_by_slot(robots) == ["0"], "one agent is there", seconds=120)

    kubectl("-n", robots, "scale", "wandbsweep/cartpole", "--replicas=3")
    until(lambda: installed.jobs_by_slot(robots) == ["0", "1", "2"], "three agents are there", seconds=60)
    kubectl("-n", robots, "scale", "wandbsweep/cartpole", "--replicas=0")

    until(lambda: not installed.pods_of(robots), "no agent is left", seconds=120)
    assert installed.sweep(robots)["phase"] == "Running"


def test_deleting_the_object_stops_its_sweep_and_takes_its_pods(installed, robots):
    installed.apply(robots, a_cartpole_sweep(agentCount=1, maxRuns=40))
    kubectl = installed.cluster.kubectl
    until(lambda: installed.sweep(robots).get("agents", {}).get("ready"), "an agent is ready", seconds=180)

    kubectl("-n", robots, "delete", "wandbsweep", "cartpole", "--timeout=60s")

    until(lambda: not installed.pods_of(robots), "its pods are gone", seconds=120)
    assert "SweepStopped" in {reason for reason, _ in installed.events(robots)}


def test_a_pool_larger_than_the_gpus_says_so_and_makes_progress(installed, robots):
    installed.apply(robots, a_cartpole_sweep(agentCount=9, maxRuns=2))

    def ready_condition():
        conditions = installed.sweep(robots).get("conditions", [])
        return next((c for c in conditions if c["type"] == "AgentsReady"), {})

    until(lambda: installed.sweep(robots).get("completionTime"), "the sweep is over", seconds=300)
    assert installed.sweep(robots)["runs"]["finished"] == 2
    assert ready_condition()["reason"] == "SweepOver"
