"""A cluster for faults alone: nobody else is hit, and nobody else's GPUs are counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from clusters import ROOT, Cluster, hack_cluster, name_for_this_run, open_cluster, remove_orphans
from installed import Installed, install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GPUS = 5  # for six agents: one of them always waits
_STORAGE = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": ""}
_QUICK = {
    "server.settings.runTimeout": "45",  # a run whose agent was killed is given up while the test can wait for it
    "server.settings.agentTimeout": "30",
}


@pytest.fixture(scope="module")
def rough_cluster() -> Iterator[Cluster]:
    """One node with the built images. FAULTS_CLUSTER names one that is up already and stays."""
    if kept := os.environ.get("FAULTS_CLUSTER"):
        yield open_cluster(kept)
        return
    remove_orphans()
    name = name_for_this_run("e2e-faults")
    try:
        _hack("up", "--name", name, "--provider=onenode", f"--gpus={GPUS}")
        _hack("load", "--name", name, *_archives())
        yield open_cluster(name)
    finally:
        _hack("down", "--name", name)


@pytest.fixture(scope="module")
def rough(rough_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The product in that cluster, with a server whose database outlives its pod."""
    namespace, data = "rough-system", tmp_path_factory.mktemp("data")
    rough_cluster.kubectl("create", "namespace", namespace)
    _give_volume(rough_cluster, namespace, data)
    claim = {"server.persistence.enabled": "true", "server.persistence.existingClaim": "data"}
    yield install(rough_cluster, namespace, {**claim, **_QUICK})
    rough_cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    rough_cluster.kubectl("delete", "persistentvolume", namespace, "--wait=false")


def _give_volume(cluster: Cluster, namespace: str, folder: Path) -> None:
    """The node is this machine, and the server another user on it."""
    folder.chmod(0o777)
    volume = {**_STORAGE, "hostPath": {"path": str(folder)}, "claimRef": {"namespace": namespace, "name": "data"}}
    request = {"resources": {"requests": _STORAGE["capacity"]}, "volumeName": namespace}
    claim = {**request, "accessModes": _STORAGE["accessModes"], "storageClassName": ""}
    for kind, name, spec in (
        ("PersistentVolume", namespace, volume),
        ("PersistentVolumeClaim", "data", claim),
    ):
        manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        cluster.kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(manifest))


def _hack(*arguments: str) -> None:
    done = hack_cluster(*arguments)
    assert done.returncode == 0, done.stderr


def _archives() -> list[str]:
    built = subprocess.run(
        [sys.executable, "hack/images", "build"], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE
    )
    return [line.split(" ", 2)[2] for line in built.stdout.splitlines()]
