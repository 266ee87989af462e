"""Three sweeps in a storm: whatever is killed, taken away or not answered, every cell of every grid is run once.

The faults are chosen by chance from a seed, which is printed; FAULT_SEED repeats one, FAULT_SECONDS shortens the run.
Faults stop when two thirds of the time are over, so that the sweeps can come to their ends.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from faults import Storm
from installed import processes_of
from kube_client import Kube
from proxies import wandb_proxy
from trainings import runs_of
from waiting import until

if TYPE_CHECKING:
    from installed import Installed
    from proxies import Proxy

    Object = dict[str, Any]

SECONDS = float(os.environ.get("FAULT_SECONDS", "600"))
SEED = int(os.environ.get("FAULT_SEED") or secrets.randbelow(1_000_000))
SWEEPS = ("ant", "bee", "cat")
AGENTS = 2  # for each sweep
TRIAL_SECONDS = 15
SECONDS_FOR_A_TRIAL = 36  # with imports and interruptions, on a machine that does much else
NAMESPACE = "rough"
PROGRAM = "/train/train.py"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(SECONDS + 900)]

TRAINER = """
import argparse, time, wandb
parser = argparse.ArgumentParser()
parser.add_argument("--cell", type=int)
parser.add_argument("--seconds", type=int)
arguments = parser.parse_args()
with wandb.init() as run:
    for second in range(arguments.seconds):
        run.log({"loss": arguments.cell + 1 / (1 + second)})
        time.sleep(1)
"""


def a_sweep(name: str, cells: int, server: str) -> Object:
    """A grid of so many cells on a few agents, each with a GPU."""
    trainer = {
        "name": "trainer",
        "image": "localhost/wandbsweep/trainer-cpu:dev",
        "resources": {"limits": {"nvidia.com/gpu": 1}},
        "volumeMounts": [{"name": "train", "mountPath": "/train"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    volumes = [{"name": "train", "configMap": {"name": "train"}}, {"name": "tmp", "emptyDir": {}}]
    pod = {"terminationGracePeriodSeconds": 20, "containers": [trainer], "volumes": volumes}
    parameters = {"cell": {"values": list(range(cells))}, "seconds": {"value": TRIAL_SECONDS}}
    spec = {
        "project": f"rough-{name}",
        "agentCount": AGENTS,
        "wandb": {"baseURL": server},
        "sweep": {
            "method": "grid",
            "metric": {"name": "loss", "goal": "minimize"},
            "parameters": parameters,
            "command": ["python", PROGRAM, "${args}"],
        },
        "template": {"spec": pod},
    }
    return {"apiVersion": "wandbsweep.dev/v1alpha1", "kind": "WandbSweep", "metadata": {"name": name}, "spec": spec}


@dataclass
class Witness:
    """Looks at Jobs and pods all the time, and keeps what must never be."""

    kube: Kube
    gpus: int
    wrongs: list[str] = field(default_factory=list)
    pods: set[str] = field(default_factory=set)
    most_gpus: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self._over.wait(0.5):
            jobs = self.kube.items(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs")
            going = [job["metadata"] for job in jobs if not job.get("status", {}).get("conditions")]
            slots = Counter(
                (job["labels"]["wandbsweep.dev/sweep"], job["labels"]["wandbsweep.dev/slot"]) for job in going
            )
            self.wrongs += [f"{times} Jobs in slot {slot}" for slot, times in slots.items() if times > 1]
            pods = self.kube.items(f"/api/v1/namespaces/{NAMESPACE}/pods")
            self.pods |= {pod["metadata"]["uid"] for pod in pods}
            held = sum(holds_a_gpu(pod) for pod in pods)
            self.most_gpus = max(self.most_gpus, held)
            if held > self.gpus:
                self.wrongs.append(f"{held} GPUs are held, and there are {self.gpus}")

    def end(self) -> None:
        self._over.set()


def holds_a_gpu(pod: Object) -> bool:
    return "nodeName" in pod["spec"] and pod["status"]["phase"] in {"Pending", "Running"}


@pytest.fixture
def server(rough: Installed):
    """The W&B server behind a proxy that pods can reach."""
    with wandb_proxy(rough.server_url, rough.cluster.host_address) as proxy:
        yield proxy


@pytest.fixture
def witness(rough: Installed, server: Proxy):  # which is there until the last object is gone
    kube = Kube(rough.cluster.kubeconfig, rough.cluster.kubectl_path)
    (node,) = kube.items("/api/v1/nodes")
    witness = Witness(kube, int(node["status"]["allocatable"]["nvidia.com/gpu"]))
    rough.cluster.kubectl("create", "namespace", NAMESPACE)
    thread = threading.Thread(target=witness.look, name="witness", daemon=True)
    thread.start()
    yield witness
    witness.end()
    thread.join(30)
    rough.cluster.kubectl("-n", NAMESPACE, "delete", "wandbsweeps", "--all", "--timeout=120s")
    rough.cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_three_sweeps_in_a_storm_run_every_cell_once_and_leave_nothing(rough, witness, server, tmp_path, say):
    raging = SECONDS * 2 / 3
    cells = max(3, int(raging * AGENTS / SECONDS_FOR_A_TRIAL))
    say(f"seed {SEED}, {cells} cells for each of {len(SWEEPS)} sweeps")
    give(rough)
    for name in SWEEPS:
        rough.apply(NAMESPACE, a_sweep(name, cells, server.url))
    until(lambda: running_pods(rough), "the first agents run", seconds=120)

    storm = Storm(SEED, rough, NAMESPACE, server, PROGRAM, tmp_path)
    storm.rage(raging)
    say("\n".join([f"{len(storm.struck)} faults, at most {storm.losses} runs lost", *storm.struck]))

    for name in SWEEPS:
        until(lambda name=name: is_complete(rough, name), f"{name} is complete", seconds=SECONDS, every=2)
    until(lambda: not rough.pods_of(NAMESPACE), "no pod is left", seconds=120)
    assert rough.read_all(NAMESPACE, "jobs") == []
    assert [pid for uid in witness.pods for pid in processes_of(uid)] == []
    unfinished = [state for name in SWEEPS for state in every_cell_once(rough, name, cells) if state != "finished"]
    say(f"runs that did not finish: {dict(Counter(unfinished))}; at most {witness.most_gpus} GPUs were held")
    assert len(unfinished) <= storm.losses
    assert witness.wrongs == []
    assert no_traceback(rough, tmp_path)


def give(rough: Installed) -> None:
    """What the sweeps need in their namespace."""
    kubectl = rough.cluster.kubectl
    kubectl("-n", NAMESPACE, "create", "configmap", "train", f"--from-literal=train.py={TRAINER}")
    secret = f"--from-literal=apiKey={rough.api_key}"
    kubectl("-n", NAMESPACE, "create", "secret", "generic", "wandb-api-key", secret)


def running_pods(rough: Installed) -> list[Object]:
    return rough.read_all(NAMESPACE, "pods", "--field-selector=status.phase=Running")


def is_complete(rough: Installed, name: str) -> bool:
    status = rough.sweep(NAMESPACE, name)
    assert status.get("phase") != "Failed", json.dumps(status)
    return bool(status.get("completionTime"))


def every_cell_once(rough: Installed, name: str, cells: int) -> list[str]:
    """The states of the runs of this sweep, of which there is one for each cell."""
    runs = runs_of(rough, rough.sweep(NAMESPACE, name))
    assert sorted(run.config["cell"] for run in runs) == list(range(cells)), name
    return [run.state for run in runs]


def no_traceback(rough: Installed, folder) -> bool:
    """Neither in what operators said before they were killed nor in what the last one says."""
    (pod,) = rough.pods_with("operator")
    last = rough.cluster.kubectl("-n", rough.namespace, "logs", pod["metadata"]["name"])
    said = [last, *(path.read_text() for path in folder.glob("operator-*.log"))]
    return not [words for words in said if "Traceback" in words]
