"""The product as a user installs it: chart and images of this tree, in the cluster that `make e2e` brought up."""

from __future__ import annotations

import fcntl
import uuid

import pytest

from installed import Installed, as_installed, install
from waiting import until

NAMESPACE = "wandbsweep"


@pytest.fixture(scope="session")
def installed(one_node_cluster, tmp_path_factory, worker_id) -> Installed:
    """The chart with its embedded server, installed anew by the first worker that asks; the others find it there."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder if worker_id == "master" else folder.parent
    with (shared / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "installed").exists():
            install(one_node_cluster, NAMESPACE)
            (shared / "installed").touch()
    return as_installed(one_node_cluster, NAMESPACE)


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
