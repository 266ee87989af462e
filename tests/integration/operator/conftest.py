"""What the tests of the operator share: an API server, a W&B server, and operators that can be killed."""

from __future__ import annotations

import uuid
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from clusters import shared_control_plane
from kube_client import Kube, write_kubeconfig
from kueue_controller import log_of, start_kueue
from nodes import install_runtime, running_node
from operators import RunningOperator, running_operator
from places import Place, a_place
from proxies import Proxy, kubernetes_proxy, wandb_proxy
from servers import RunningServer, running_server
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from clusters import Cluster
    from nodes import Node

_SHARED = "shared"
_LOG_LINES = 80
_logs: dict[str, Path] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure is shown with the ends of the logs of everything that ran then."""
    report = yield
    if report.failed:
        for name, path in _logs.items():
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            report.sections.append((f"{name}, {path}", "\n".join(lines[-_LOG_LINES:])))
    return report


@pytest.fixture(scope="session")
def kube(control_plane: Cluster) -> Kube:
    return Kube(control_plane.kubeconfig, control_plane.kubectl_path)


@pytest.fixture(scope="session")
def kueue_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane with the real Kueue, which judges every Job there is on it."""
    with shared_control_plane(tmp_path_factory, "pytest-kueue", start_kueue) as cluster:
        _logs["kueue"] = log_of(cluster)
        yield cluster


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One W&B server for all tests that do not kill theirs; each test has its own project."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        _logs["server"] = running.folder / "server.log"
        yield running


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_runtime(tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="session")
def shared_operator(kube: Kube, server: RunningServer, tmp_path_factory: pytest.TempPathFactory, worker_id: str):
    """An operator for all tests of this worker that leave it alone. It watches their namespaces by pattern."""
    folder = tmp_path_factory.mktemp("shared-operator")
    with running_operator(folder, kube.kubeconfig, server.url, f"{_SHARED}-{worker_id}-*") as operator:
        _logs["shared operator"] = operator.log_file
        # kopf overlooks a namespace that is made between its first list of them and its watch.
        until(lambda: _is_seen(kube, server, f"{_SHARED}-{worker_id}"), "the operator sees new namespaces")
        yield operator


def _is_seen(kube: Kube, server: RunningServer, prefix: str) -> bool:
    with a_place(kube, f"{prefix}-{uuid.uuid4().hex[:10]}", server) as probe:
        probe.apply(project=None)
        with suppress(AssertionError):
            until(probe.status, "the operator has looked at the object", seconds=3)
        return bool(probe.status())


@pytest.fixture
def place(kube: Kube, server: RunningServer) -> Iterator[Place]:
    """A namespace with the key in it, of which no operator knows yet."""
    with a_place(kube, f"own-{uuid.uuid4().hex[:10]}", server) as made:
        made.give_key()
        yield made


@pytest.fixture
def operated(kube: Kube, server: RunningServer, shared_operator: RunningOperator, worker_id: str) -> Iterator[Place]:
    """A namespace with the key in it, looked after by the shared operator."""
    with a_place(kube, f"{_SHARED}-{worker_id}-{uuid.uuid4().hex[:10]}", server) as made:
        made.give_key()
        yield made


@pytest.fixture
def node_for(kube: Kube, runtime: Path, tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Starts a node that runs the agents of a place."""
    with ExitStack() as stack:

        def start(place: Place, **environment: str) -> Node:
            return stack.enter_context(running_node(kube, place.namespace, runtime, tmp_path / "node", environment))

        yield start


@pytest.fixture
def kubernetes_between(kube: Kube) -> Iterator[Proxy]:
    """A proxy between the operator and the API server."""
    with kubernetes_proxy(kube.connection) as proxy:
        yield proxy


@pytest.fixture
def wandb_between(server: RunningServer) -> Iterator[Proxy]:
    """A proxy between the operator and the W&B server."""
    with wandb_proxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def proxied_operator(
    place: Place, kubernetes_between: Proxy, wandb_between: Proxy, tmp_path: Path
) -> Iterator[RunningOperator]:
    """An operator for `place` alone, all of whose calls can be seen and disturbed."""
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", kubernetes_between.url)
    with running_operator(tmp_path / "operator", kubeconfig, wandb_between.url, place.namespace) as operator:
        _logs["operator"] = operator.log_file
        yield operator
    _logs.pop("operator")
