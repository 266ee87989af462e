"""Isaac Sim's layout without Isaac Sim: its launcher, its folders, no wandb; a licence, a warm-up, caches and logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scripted import a_grid, a_sweep, until_over
from trainings import graphql
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installed import Installed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CLAIM = "isaac"
LAUNCHER = '#!/bin/sh\nexec /usr/bin/python3 "$@"\n'
WARM_UP = """
import importlib.util, pathlib
assert importlib.util.find_spec("wandb") is None, "the image has wandb"
for folder in (pathlib.Path("/isaac-sim/kit/cache"), pathlib.Path.home() / ".cache/ov"):
    folder.mkdir(parents=True)
    (folder / "shaders").write_text("compiled")
"""
TRAINER = """
import os, pathlib, wandb
assert wandb.__file__.startswith("/wandbsweep/wandb/"), wandb.__file__
for folder in (pathlib.Path("/isaac-sim/kit/cache"), pathlib.Path.home() / ".cache/ov"):
    assert (folder / "shaders").read_text() == "compiled"
told = {name: os.environ.get(name) for name in ("ACCEPT_EULA", "OMNI_KIT_ACCEPT_EULA", "OMNI_KIT_ALLOW_ROOT",
        "NVIDIA_DRIVER_CAPABILITIES", "PRIVACY_CONSENT", "HEADLESS", "ENABLE_CAMERAS")}
memory = os.statvfs("/dev/shm")
with wandb.init() as run:
    pathlib.Path("/workspace/isaaclab/logs", run.id).write_text("log")
    run.config.update({"told": told, "memory": memory.f_frsize * memory.f_blocks})
    run.log({"loss": float(run.config["cell"])})
"""
RUNS = """
query Runs($entity: String!, $project: String!, $sweep: String!) {
    project(name: $project, entityName: $entity) {
        sweep(sweepName: $sweep) { runs { edges { node { name config } } } }
    }
}
"""


@pytest.fixture
def claimed(installed: Installed, robots: str, tmp_path: Path) -> Iterator[Path]:
    """A folder of this machine, which is the node, behind a claim."""
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    shared = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    size = {"storage": "1Gi"}
    source = {"capacity": size, "hostPath": {"path": str(volume)}, "claimRef": {"namespace": robots, "name": CLAIM}}
    wanted = {"resources": {"requests": size}, "volumeName": robots}
    kinds = {
        "PersistentVolume": {"metadata": {"name": robots}, "spec": {**shared, **source}},
        "PersistentVolumeClaim": {"metadata": {"name": CLAIM, "namespace": robots}, "spec": {**shared, **wanted}},
    }
    for kind, rest in kinds.items():
        installed.cluster.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": kind, **rest}))
    yield volume
    installed.cluster.kubectl("delete", "persistentvolume", robots, "--wait=false")


def an_isaac_sweep(namespace: str) -> dict[str, Any]:
    """Two runs on two agents, in a pod that has what NVIDIA's images have, and lacks what they lack."""
    cache = {"claimName": CLAIM, "warmUp": {"command": ["/isaac-sim/python.sh", "/train/warm_up.py"]}}
    isaac = {"acceptEULA": True, "sharedMemory": "64Mi", "cache": cache, "logs": {"claimName": CLAIM}}
    sweep = {**a_grid(0, 1), "command": ["/isaac-sim/python.sh", "/train/train.py", "${args}"]}
    manifest = a_sweep(namespace, "anymal", "scripts", isaac=isaac, sweep=sweep, agentCount=2)
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    container["env"] = [{"name": "PATH", "value": "/usr/bin:/bin"}, {"name": "PYTHONPATH", "value": ""}]
    launcher = {"name": "train", "mountPath": "/isaac-sim/python.sh", "subPath": "python.sh"}
    container["volumeMounts"] += [{"name": "kit", "mountPath": "/isaac-sim/kit"}, launcher]
    pod["volumes"][0]["configMap"]["defaultMode"] = 0o755
    pod["volumes"].append({"name": "kit", "emptyDir": {}})
    return manifest


def test_a_pool_without_wandb_in_its_image_warms_up_once_trains_and_keeps_its_logs(installed, robots, claimed):
    scripts = {"python.sh": LAUNCHER, "warm_up.py": WARM_UP, "train.py": TRAINER}
    literals = [f"--from-literal={name}={text}" for name, text in scripts.items()]
    installed.cluster.kubectl("-n", robots, "create", "configmap", "scripts", *literals)
    installed.apply(robots, an_isaac_sweep(robots))

    status = until_over(installed, robots, "anymal")

    assert (status["runs"]["finished"], status["failures"]) == (2, {}), installed.events(robots, "anymal")
    told = dict(installed.events(robots, "anymal"))
    assert "Done: The warm-up filled localhost-wandbsweep-trainer-cpu-dev_no-driver_no-gpu_" in told["WarmUpDone"]
    (seed,) = claimed.glob("*/seed")
    assert [file.name for file in sorted(seed.rglob("shaders"))] == ["shaders", "shaders"]
    runs = {run["name"]: json.loads(run["config"]) for run in runs_of(installed, status)}
    assert sorted(file.name for file in claimed.glob("anymal/*/*")) == sorted(runs)
    for config in runs.values():
        assert config["told"]["value"] == {
            "ACCEPT_EULA": "Y",
            "OMNI_KIT_ACCEPT_EULA": "YES",
            "OMNI_KIT_ALLOW_ROOT": "1",
            "NVIDIA_DRIVER_CAPABILITIES": "all",
            "PRIVACY_CONSENT": None,
            "HEADLESS": "1",
            "ENABLE_CAMERAS": "0",
        }
        assert config["memory"]["value"] == 64 * 2**20
    until(lambda: not installed.pods_of(robots), "no pod is left", seconds=60)


def runs_of(installed: Installed, status: dict[str, Any]) -> list[dict[str, Any]]:
    entity, project, sweep = status["sweepPath"].split("/")
    answer = graphql(installed, RUNS, entity=entity, project=project, sweep=sweep)
    return [edge["node"] for edge in answer["project"]["sweep"]["runs"]["edges"]]
