"""Real Kubernetes for tests: a control plane for the logic of controllers, a one-node cluster for the whole path."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
E2E_CLUSTER_VARIABLE = "WANDBSWEEP_E2E_CLUSTER"
_E2E_CLUSTER = "wandbsweep-test"
_STARTS_WITHIN_SECONDS = 1200  # the programs may have to be built
_KUBECTL_SECONDS = 650  # longer than any --timeout that a test gives to kubectl wait


def hack_cluster(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python hack/cluster` as a person would."""
    return subprocess.run(
        [sys.executable, ROOT / "hack" / "cluster", *arguments],
        capture_output=True,
        text=True,
        timeout=_STARTS_WITHIN_SECONDS,
        env={**os.environ, **(environment or {})},
        check=False,
    )


@dataclass(frozen=True)
class Cluster:
    """A cluster as a client sees it."""

    name: str
    kubeconfig: Path
    kubectl_path: str

    @property
    def url(self) -> str:
        return str(self._view["clusters"][0]["cluster"]["server"])

    @property
    def token(self) -> str:
        return str(self._view["users"][0]["user"]["token"])

    @property
    def host_address(self) -> str:
        """This machine's address as pods see it, for servers that tests start beside the cluster."""
        return _required(hack_cluster("host-address", "--name", self.name))

    @property
    def _view(self) -> Any:
        return json.loads(self.kubectl("config", "view", "--raw", "--output=json"))

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - as subprocess names it
        """The output of a kubectl command; a failure shows what kubectl said."""
        answer = self.try_kubectl(*arguments, input=input)
        assert answer.returncode == 0, f"kubectl {' '.join(arguments)}: {answer.stderr}"
        return answer.stdout

    def try_kubectl(self, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess[str]:  # noqa: A002
        """A kubectl command that may fail."""
        own = {
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.kubeconfig.parent / "kubectl-cache"),
            "NO_PROXY": "*",
        }
        return subprocess.run(
            [self.kubectl_path, *arguments],
            input=input,
            capture_output=True,
            text=True,
            timeout=_KUBECTL_SECONDS,
            env={**os.environ, **own},
            check=False,
        )

    def get(self, *arguments: str) -> Any:
        """What `kubectl get ... -o json` says."""
        return json.loads(self.kubectl("get", *arguments, "--output=json"))


def open_cluster(name: str) -> Cluster:
    """A cluster that is up, by its name."""
    kubeconfig = _required(hack_cluster("kubeconfig", "--name", name))
    return Cluster(name, Path(kubeconfig), _required(hack_cluster("path", "kubectl")))


def _required(answer: subprocess.CompletedProcess[str]) -> str:
    if answer.returncode != 0:
        pytest.fail(answer.stderr, pytrace=False)
    return answer.stdout.strip()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One control plane for all workers of a test run, with the CRDs known to its garbage collector."""
    with shared_control_plane(tmp_path_factory, "pytest") as cluster:
        yield cluster


@contextmanager
def shared_control_plane(
    tmp_path_factory: pytest.TempPathFactory, prefix: str, prepare: Callable[[Cluster], None] | None = None
) -> Iterator[Cluster]:
    """A control plane that the workers of a test run have in common.

    The first worker to ask starts and prepares it, the last one to end stops it. What a killed run left is removed by
    the next.
    """
    users = _run_folder(tmp_path_factory) / f"{prefix}.users"
    name = name_for_this_run(prefix)
    crds = [f"--apply={path}" for path in sorted((ROOT / "crds").glob("*.yaml"))]
    with _counted(users) as count:
        if count == 0:
            remove_orphans()
        _required(hack_cluster("up", "--name", name, "--control-plane-only", *crds))
        if count == 0 and prepare is not None:
            prepare(open_cluster(name))
        users.write_text(str(count + 1))
    yield open_cluster(name)
    with _counted(users) as count:
        users.write_text(str(count - 1))
        if count == 1:
            _required(hack_cluster("down", "--name", name))


def _run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def name_for_this_run(prefix: str) -> str:
    """A name by which another run can tell whether this one is still alive."""
    pid = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    return f"{prefix}-{pid}-{_started(pid)}"


def _started(pid: int) -> str | None:
    """The tick at which a process started: with its ID, what no later process has again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return None


def remove_orphans() -> None:
    """Remove the clusters of test runs that were killed."""
    for line in _required(hack_cluster("status")).splitlines():
        name = line.split()[0]
        match = re.fullmatch(r"(?:pytest(?:-[a-z]+)?|e2e-[a-z0-9]+)-(\d+)-(\d+)", name)
        if match and _started(int(match[1])) != match[2]:
            hack_cluster("down", "--name", name)


@contextmanager
def _counted(users: Path) -> Iterator[int]:
    """How many workers use the control plane, for one worker at a time."""
    with users.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield int(users.read_text()) if users.exists() else 0


@pytest.fixture
def new_namespace(control_plane: Cluster) -> Iterator[str]:
    """A namespace of the control plane for one test alone, ready for pods."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    control_plane.kubectl("create", "namespace", name)
    # `kubectl wait --for=create` needs no poll of ours; pods are refused before the account exists.
    control_plane.kubectl("wait", "--for=create", "serviceaccount/default", "--namespace", name, "--timeout=30s")
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def one_node_cluster() -> Cluster:
    """The cluster of the end-to-end tests, which must be up."""
    name = os.environ.get(E2E_CLUSTER_VARIABLE, _E2E_CLUSTER)
    answer = hack_cluster("status")
    rows = [line.split() for line in _required(answer).splitlines()]
    if not any(row[0] == name and row[2] == "healthy" for row in rows):
        pytest.fail(
            f"the cluster {name} is not up: run `make e2e`, or start it with `python hack/cluster up --name {name} "
            f"--gpus 8` (or name another one in {E2E_CLUSTER_VARIABLE})\n{answer.stdout}",
            pytrace=False,
        )
    return open_cluster(name)
