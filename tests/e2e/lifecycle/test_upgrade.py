"""From the release before to this one while sweeps train: nobody notices, and a step back goes as well."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import CHART
from installed import a_cartpole_sweep, as_installed
from trainings import runs_of
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

PREVIOUS = Path(__file__).parent / "previous/wandbsweep"
SYSTEM, LAB = "sweep-system", "lab"
CRD_NAME = "wandbsweeps.wandbsweep.dev"
APPLY = ("apply", "--server-side", "--force-conflicts", "-f")  # as docs/operating.md has it
VALUES = {"server": {"enabled": True, "persistence": {"size": "1Gi"}}}
AS_BEFORE: dict[str, Any] = {**VALUES, "image": {"tag": "previous"}}


def status(cluster):
    return cluster.get("wandbsweep", "cartpole", "-n", LAB).get("status", {})


def agents(cluster):
    """UID and restarts of each agent's pod, by the slot and the attempt of its Job."""
    pods = cluster.get("pods", "-n", LAB, "-l", "wandbsweep.dev/slot")["items"]
    return {
        (pod["metadata"]["labels"]["wandbsweep.dev/slot"], pod["metadata"]["labels"]["wandbsweep.dev/attempt"]): (
            pod["metadata"]["uid"],
            [each["restartCount"] for each in pod["status"].get("containerStatuses", [])],
        )
        for pod in pods
    }


def leader(cluster):
    """The pod that holds the Lease, if it is there."""
    lease = cluster.try_kubectl("get", "lease", "wandbsweep", "-n", SYSTEM, "--output=json")
    if lease.returncode:  # the one that leaves takes it along
        return None
    holder = json.loads(lease.stdout)["spec"].get("holderIdentity") or "nobody"
    pods = cluster.get("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/component=operator")["items"]
    return next((pod for pod in pods if holder.startswith(pod["metadata"]["name"])), None)


def until_led_by(cluster, tag):
    def led():
        pod = leader(cluster)
        return pod and pod["spec"]["containers"][0]["image"].endswith(f":{tag}")

    until(led, f"an operator of the image {tag} leads", seconds=120)


def until_runs_go_on(cluster):
    before = status(cluster)["runs"]["finished"]
    until(lambda: status(cluster)["runs"]["finished"] > before, "the new operator counts further runs", seconds=240)


def what_is_there(cluster):
    """All that could tell why a sweep does not go on."""
    looks = [("-n", LAB, "describe", "wandbsweep", "cartpole"), ("get", "pods", "--all-namespaces", "-o", "wide")]
    looks += [("-n", LAB, "logs", "-l", "wandbsweep.dev/slot", "--prefix", "--tail=60")]
    looks += [("-n", SYSTEM, "logs", "-l", "app.kubernetes.io/name=wandbsweep", "--prefix", "--tail=80")]
    return "\n".join(cluster.try_kubectl(*look).stdout for look in looks)


@pytest.fixture
def training(own_cluster, a_namespace, a_release, a_volume):
    """The release before, with two agents at work."""
    for name in (SYSTEM, LAB):
        a_namespace(name)
    a_volume(SYSTEM)
    with a_release(SYSTEM) as release:
        release.install(AS_BEFORE, chart=PREVIOUS)
        key = base64.b64decode(own_cluster.get("secret", "wandb-api-key", "-n", SYSTEM)["data"]["apiKey"]).decode()
        secret = ("create", "secret", "generic", "wandb-api-key", f"--from-literal=apiKey={key}")
        own_cluster.kubectl("-n", LAB, *secret)
        manifest = a_cartpole_sweep(agentCount=2, maxRuns=200)
        own_cluster.kubectl("-n", LAB, "apply", "-f", "-", input=json.dumps(manifest))
        until(lambda: status(own_cluster).get("agents", {}).get("ready") == 2, "two agents are ready", seconds=240)
        until(lambda: status(own_cluster)["runs"]["finished"], "a run finished", seconds=240)
        yield release


def test_no_agent_is_restarted_and_nothing_is_doubled_on_the_way_here_and_back(own_cluster, training):
    before, at_work = status(own_cluster), agents(own_cluster)
    assert len(at_work) == 2

    own_cluster.kubectl(*APPLY, str(CHART / "crds"))
    training.upgrade(VALUES)
    until_led_by(own_cluster, "dev")
    until_runs_go_on(own_cluster)
    assert agents(own_cluster) == at_work
    training.test()

    training.rollback(1)
    until_led_by(own_cluster, "previous")
    until_runs_go_on(own_cluster)
    assert agents(own_cluster) == at_work

    training.upgrade(VALUES)
    until_led_by(own_cluster, "dev")
    now = status(own_cluster)
    assert now["sweepID"] == before["sweepID"]
    assert now.get("history", []) == []
    assert now["runs"]["failed"] + now["runs"]["crashed"] == 0

    cap = {"spec": {"maxRuns": now["runs"]["total"] + 2}}
    own_cluster.kubectl("-n", LAB, "patch", "wandbsweep", "cartpole", "--type=merge", "-p", json.dumps(cap))
    wait = ("-n", LAB, "wait", "--for=condition=Complete", "wandbsweep/cartpole", "--timeout=500s")
    assert own_cluster.try_kubectl(*wait).returncode == 0, what_is_there(own_cluster)
    runs = runs_of(as_installed(own_cluster, SYSTEM), status(own_cluster))
    assert [run.state for run in runs] == ["finished"] * cap["spec"]["maxRuns"]
    assert len({run.name for run in runs}) == len({json.dumps(run.config, sort_keys=True) for run in runs}) == len(runs)


def test_objects_of_the_release_before_are_what_they_were_under_the_new_definition(own_cluster, a_namespace):
    a_namespace(LAB)
    own_cluster.kubectl("apply", "-f", str(PREVIOUS / "crds"))
    own_cluster.kubectl("wait", "--for=condition=Established", f"crd/{CRD_NAME}", "--timeout=60s")
    examples = sorted((CHART.parents[1] / "examples").glob("*/sweep.yaml"))
    stored = []
    for path in examples:
        manifest = yaml.safe_load(path.read_text())
        done = own_cluster.try_kubectl("-n", LAB, "apply", "--validate=strict", "-f", "-", input=json.dumps(manifest))
        if done.returncode == 0:  # those that need a field of this release come after it
            stored.append(manifest["metadata"]["name"])
    before = {name: own_cluster.get("wandbsweep", name, "-n", LAB)["spec"] for name in stored}
    assert "cartpole" in stored

    own_cluster.kubectl(*APPLY, str(CHART / "crds"))
    own_cluster.kubectl("wait", "--for=condition=Established", f"crd/{CRD_NAME}", "--timeout=60s")

    assert {name: own_cluster.get("wandbsweep", name, "-n", LAB)["spec"] for name in stored} == before
    for name in stored:  # and each can still be written
        own_cluster.kubectl("-n", LAB, "scale", f"wandbsweep/{name}", "--replicas=1")
    assert own_cluster.get("crd", CRD_NAME)["status"]["storedVersions"] == ["v1alpha1"]
    own_cluster.kubectl("-n", LAB, "delete", "wandbsweeps", "--all", "--timeout=60s")
    own_cluster.kubectl("delete", "crd", CRD_NAME, "--timeout=60s")
