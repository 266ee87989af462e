"""The product as a user installs it: chart and images of this tree, in the cluster that `make e2e` brought up."""

from __future__ import annotations

import base64
import fcntl
import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from installed import Installed
from waiting import until

if TYPE_CHECKING:
    from clusters import Cluster

ROOT = Path(__file__).parents[2]
NAMESPACE = "wandbsweep"


def _printed_by(*command: str) -> str:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, check=True, text=True, capture_output=True
    ).stdout.strip()


@pytest.fixture(scope="session")
def installed(one_node_cluster, tmp_path_factory, worker_id) -> Installed:
    """The chart with its embedded server, installed anew by the first worker that asks; the others find it there."""
    helm = [_printed_by("hack/cluster", "path", "helm"), "--kubeconfig", str(one_node_cluster.kubeconfig)]
    folder = tmp_path_factory.getbasetemp()
    shared = folder if worker_id == "master" else folder.parent
    with (shared / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "installed").exists():
            _install(one_node_cluster, helm)
            (shared / "installed").touch()
    secret = one_node_cluster.kubectl("-n", NAMESPACE, "get", "secret", "wandb-api-key", "-o", "json")
    key = base64.b64decode(json.loads(secret)["data"]["apiKey"]).decode()
    return Installed(one_node_cluster, NAMESPACE, key, helm)


def _install(cluster: Cluster, helm: list[str]) -> None:
    repository, _, tag = _printed_by("hack/images", "reference", "operator").rpartition(":")
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "server.enabled": "true",
        "server.persistence.enabled": "false",
    }
    sets = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    target = ["wandbsweep", "charts/wandbsweep", "--namespace", NAMESPACE, "--create-namespace"]
    subprocess.run([*helm, "uninstall", "wandbsweep", "-n", NAMESPACE, "--ignore-not-found", "--wait"], check=True)
    done = subprocess.run(
        [*helm, "upgrade", "--install", *target, *sets, "--wait", "--timeout", "4m"],
        cwd=ROOT,
        check=False,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr + cluster.kubectl("-n", NAMESPACE, "get", "pods,events")


@pytest.fixture
def robots(installed):
    """A namespace of the strictest pod security, with the API key in it; deleted afterwards with all that it holds."""
    name = f"robots-{uuid.uuid4().hex[:8]}"
    kubectl = installed.cluster.kubectl
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    kubectl("-n", name, "create", "secret", "generic", "wandb-api-key", f"--from-literal=apiKey={installed.api_key}")
    yield name
    kubectl("-n", name, "delete", "wandbsweeps", "--all", "--wait=true", "--timeout=120s")
    kubectl("delete", "namespace", name, "--wait=false")
    until(lambda: not installed.pods_of(name), "the namespace's pods are gone", seconds=120)
