"""The pool of agents on Kubernetes: scaled, deleted by hand, and looked at with kubectl."""

from __future__ import annotations

import pytest

from places import a_grid, a_template
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_kubectl_scale_grows_and_shrinks_the_pool_and_touches_no_other_slot(operated):
    operated.apply(sweep=a_grid(*range(1, 20)), agentCount=1)
    operated.until_jobs("anymal-0-0")
    first = operated.jobs()[0]["metadata"]["uid"]

    operated.scale(3)

    operated.until_jobs("anymal-0-0", "anymal-1-0", "anymal-2-0")
    scale = operated.kube.get(f"{operated.path()}/scale")
    assert scale["spec"]["replicas"] == 3
    assert scale["status"]["selector"] == "wandbsweep.dev/sweep=anymal,app.kubernetes.io/component=agent"
    until(lambda: operated.status()["agents"]["active"] == 3, "three agents are active")

    operated.scale(1)

    operated.until_jobs("anymal-0-0")
    assert operated.jobs()[0]["metadata"]["uid"] == first
    until(lambda: operated.status()["agents"] == {"desired": 1, "active": 1, "ready": 0, "summary": "0/1"}, "one is")
    assert operated.event_reasons().count("AgentRemoved") == 2


def test_scaled_to_zero_the_sweep_stays(operated):
    operated.apply(agentCount=1)
    operated.until_jobs("anymal-0-0")

    operated.scale(0)

    operated.until_condition("AgentsReady", reason="ScaledToZero")
    operated.until_jobs()
    assert operated.sweeps()[0]["state"] in {"PENDING", "RUNNING"}
    assert operated.status()["phase"] == "Running"


def test_a_job_that_is_deleted_by_hand_comes_back(operated):
    operated.apply()
    operated.until_jobs("anymal-0-0")
    lost = operated.jobs()[0]["metadata"]["uid"]

    operated.kubectl("delete", "job", "anymal-0-0")

    until(lambda: [job for job in operated.jobs() if job["metadata"]["uid"] != lost], "another Job is there")
    assert len(operated.job_names()) == 1


def test_a_pod_that_is_deleted_by_hand_is_an_agent_that_ended_badly_and_is_replaced(operated):
    operated.apply()
    until(operated.pods, "the agent has a pod")

    operated.kubectl("delete", "pod", "--selector=wandbsweep.dev/sweep=anymal", "--wait=false")

    until(lambda: "anymal-0-1" in operated.job_names(), "the slot has its next Job")
    assert "AgentFailed" in operated.event_reasons()
    going = [job for job in operated.jobs() if not job.get("status", {}).get("conditions")]
    assert [job["metadata"]["name"] for job in going] == ["anymal-0-1"]


def test_an_agent_that_no_node_can_take_is_told_in_the_words_of_the_scheduler(operated):
    trainer = {"name": "trainer", "image": "lab/trainer:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    operated.apply(template=a_template(schedulerName="default-scheduler", containers=[trainer]))

    condition = operated.until_condition("AgentsReady", "False", reason="Unschedulable")

    assert "nodes" in condition["message"]


def test_kubectl_get_shows_the_columns(operated):
    operated.apply(agentCount=2)
    operated.until_jobs("anymal-0-0", "anymal-1-0")
    until(lambda: "runs" in operated.status(), "runs were counted")

    header, row = operated.kubectl("get", "wandbsweeps").splitlines()

    columns = ["NAME", "PHASE", "METHOD", "SWEEP", "AGENTS", "RUNS", "FAILED", "BEST", "AGE"]
    assert header.split() == columns
    cells = {name: row[header.index(name) :].split()[0] for name in columns if name != "BEST"}
    assert cells["PHASE"] == "Running"
    assert cells["METHOD"] == "grid"
    assert cells["SWEEP"] == operated.status()["sweepID"]
    assert cells["AGENTS"] == "0/2"
    assert cells["RUNS"] == "0/2"
    assert cells["FAILED"] == "0"
    assert "anymal" in operated.kubectl("get", "wsweep")
    assert "anymal" in operated.kubectl("get", "wandb")


def test_kubectl_explain_describes_the_fields(kube):
    assert "How many agents work on the sweep at a time" in kube.kubectl("explain", "wandbsweep.spec.agentCount")
    assert "Short ID of the sweep on W&B" in kube.kubectl("explain", "wandbsweep.status.sweepID")


def test_a_settled_sweep_is_left_alone_and_applying_it_again_changes_nothing(
    proxied_operator, place, kubernetes_between, wandb_between
):
    manifest = place.manifest(agentCount=2)
    place.kubectl("apply", "-f", "-", manifest=manifest)
    place.until_condition("AgentsReady", "False", reason="Starting")
    until(lambda: place.status()["agents"]["active"] == 2, "both agents are active")
    until(lambda: "gpuHours" in place.status(), "their pods were seen")
    before = place.read()

    assert "unchanged" in place.kubectl("apply", "-f", "-", manifest=manifest)

    polls = proxied_operator.metrics()["wandbsweep_wandb_call_seconds_count{call=read}"]
    writes = len(kubernetes_between.writes), len(wandb_between.writes)
    until(
        lambda: proxied_operator.metrics()["wandbsweep_wandb_call_seconds_count{call=read}"] >= polls + 3,
        "the sweep was looked at three more times",
    )
    assert (len(kubernetes_between.writes), len(wandb_between.writes)) == writes
    after = place.read()
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["status"] == before["status"]
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
