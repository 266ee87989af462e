"""A cluster for releases that come and go: an operator for all namespaces would work on everybody's sweeps."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from clusters import ROOT, Cluster, hack_cluster, name_for_this_run, open_cluster, remove_orphans
from releases import Release
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

IMAGE = "localhost/wandbsweep/operator:dev"
PREVIOUS_IMAGE = "localhost/wandbsweep/operator:previous"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Cluster]:
    """One node with the built images, the operator's under two tags. LIFECYCLE_CLUSTER names one that stays up."""
    if kept := os.environ.get("LIFECYCLE_CLUSTER"):
        yield open_cluster(kept)
        return
    remove_orphans()
    name = name_for_this_run(f"e2e-lifecycle{worker_id.removeprefix('gw')}")
    built = _archives()
    operator = tmp_path_factory.mktemp("images") / "operator.tar"
    _under_another_tag_besides(built.pop("operator"), operator)
    try:
        _hack("up", "--name", name, "--provider=onenode", "--gpus=4")
        _hack("load", "--name", name, *built.values(), str(operator))
        operator.unlink()
        yield open_cluster(name)
    finally:
        _hack("down", "--name", name)


@pytest.fixture
def a_namespace(own_cluster: Cluster) -> Iterator[Callable[[str], str]]:
    """Makes a namespace in which only pods of the strictest security are admitted; it goes after the test."""
    made: list[str] = []

    def make(name: str) -> str:
        own_cluster.kubectl("create", "namespace", name)
        made.append(name)
        own_cluster.kubectl("label", "namespace", name, RESTRICTED)
        for given in ("serviceaccount/default", "configmap/kube-root-ca.crt"):
            own_cluster.kubectl("wait", "--for=create", given, "-n", name, "--timeout=30s")
        return name

    yield make
    own_cluster.kubectl("delete", "namespace", *made, "--wait=true", "--timeout=180s")


@pytest.fixture
def a_release(own_cluster: Cluster) -> Callable[[str], AbstractContextManager[Release]]:
    """A release in this namespace, uninstalled with its sweeps and the CRD whatever happened."""

    @contextmanager
    def made(namespace: str) -> Iterator[Release]:
        release = Release(own_cluster, namespace, IMAGE)
        try:
            yield release
        finally:
            _delete_sweeps(own_cluster)
            release.uninstall()
            own_cluster.kubectl("delete", "crd", "wandbsweeps.wandbsweep.dev", "--ignore-not-found", "--timeout=60s")

    return made


@pytest.fixture
def a_volume(own_cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A volume on this machine for the claim that the server's StatefulSet makes in a namespace."""
    made: list[str] = []

    def make(namespace: str) -> str:
        folder = tmp_path / namespace
        folder.mkdir()
        folder.chmod(0o777)  # the server is another user on the node, which is this machine
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": str(folder)},
            "claimRef": {"namespace": namespace, "name": "data-wandbsweep-server-0"},
        }
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": namespace}, "spec": spec}
        own_cluster.kubectl("apply", "-f", "-", input=json.dumps(volume))
        made.append(namespace)
        return namespace

    yield make
    for name in made:
        own_cluster.kubectl("delete", "persistentvolume", name, "--wait=false")


def _delete_sweeps(cluster: Cluster) -> None:
    """Whether or not an operator is there to answer the finalizer."""
    if cluster.try_kubectl("get", "crd", "wandbsweeps.wandbsweep.dev").returncode:
        return
    cluster.try_kubectl("delete", "wandbsweeps", "--all", "--all-namespaces", "--wait=false")

    def gone() -> bool:
        left = cluster.get("wandbsweeps", "--all-namespaces")["items"]
        for item in left:
            path = ("-n", item["metadata"]["namespace"], "patch", "wandbsweep", item["metadata"]["name"])
            cluster.try_kubectl(*path, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
        return not left

    until(gone, "the sweeps are gone", seconds=60)


def _hack(*arguments: str) -> None:
    done = hack_cluster(*arguments)
    assert done.returncode == 0, done.stderr


def _archives() -> dict[str, str]:
    command = [sys.executable, "hack/images", "build"]
    built = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    return {line.split(" ", 2)[0]: line.split(" ", 2)[2] for line in built.stdout.splitlines()}


def _under_another_tag_besides(archive: str, copy: Path) -> None:
    """The same image, which is also called as the one of the release before."""
    with tarfile.open(archive) as source, tarfile.open(copy, "w") as target:
        for member in source:
            content = source.extractfile(member) if member.isfile() else None
            if member.name == "manifest.json" and content is not None:
                manifest = json.load(content)
                manifest[0]["RepoTags"] = [IMAGE, PREVIOUS_IMAGE]
                text = json.dumps(manifest).encode()
                member.size, content = len(text), io.BytesIO(text)
            elif member.name == "repositories":
                continue
            target.addfile(member, content)
