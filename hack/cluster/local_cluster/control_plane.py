"""Runs etcd, the API server, the controller manager and the scheduler, in the caller's namespaces or in others."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from local_cluster import components, processes
from local_cluster.components import Endpoints
from local_cluster.credentials import write_private
from local_cluster.failures import ClusterError
from local_cluster.kubectl import kubectl
from local_cluster.progress import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from local_cluster.components import Command
    from local_cluster.record import Folder

_ANSWERS_WITHIN_SECONDS: Final = 90.0
_WORKS_WITHIN_SECONDS: Final = 60.0
_LOG_REMEDY: Final = "Read the log; the next `up` starts from nothing."
# Watches hold the API server for a minute, and for ever once etcd is gone: hence its grace, and the order.
_STOP_ORDER: Final = (
    (("kube-scheduler", "kube-controller-manager"), 3.0),
    (("kube-apiserver",), 3.0),
    (("etcd",), 2.0),
)


@dataclass
class ControlPlane:
    """The four processes of one cluster. `enter` is the prefix that puts a command into the cluster's namespaces."""

    binaries: Path
    folder: Folder
    endpoints: Endpoints
    enter: Sequence[str] = ()
    with_node: bool = False
    _started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start_server(self) -> None:
        """Start etcd and the API server; returns while they are on their way."""
        self.folder.credentials.create()
        self.start("etcd", components.etcd(self.binaries, self.folder, self.endpoints))
        self.start(
            "kube-apiserver",
            components.kube_apiserver(self.binaries, self.folder, self.endpoints, with_node=self.with_node),
        )

    def wait_for_server(self) -> None:
        """Wait until the API server is ready, and write the kubeconfig."""
        if not wait_until(self._answers, within_seconds=_ANSWERS_WITHIN_SECONDS):
            self.require_all()
            raise self._error("kube-apiserver", f"was not ready within {_ANSWERS_WITHIN_SECONDS:.0f} s")
        text = self.folder.credentials.kubeconfig(self.endpoints.server, self.folder.name)
        write_private(self.folder.kubeconfig, text)

    def start_controllers(self) -> None:
        self.start("kube-controller-manager", components.kube_controller_manager(self.binaries, self.folder))
        self.start("kube-scheduler", components.kube_scheduler(self.binaries, self.folder))

    def wait_for_controllers(self) -> None:
        """Wait for the first work of the controllers that pods depend on: the default service account."""

        def exists() -> bool:
            self.require_all()
            return bool(kubectl(self.folder, self.binaries, "get", "serviceaccount", "default", "--ignore-not-found"))

        if not wait_until(exists, within_seconds=_WORKS_WITHIN_SECONDS):
            raise self._error("kube-controller-manager", f"did no work within {_WORKS_WITHIN_SECONDS:.0f} s")

    def start(self, role: str, command: Command) -> None:
        self._started[role] = processes.start(
            self.folder.path, role, [*self.enter, *command], log=self.folder.log(role)
        )

    def require_all(self) -> None:
        """A component that has ended is the failure to tell about, not the time-out that follows from it."""
        for role, process in self._started.items():
            if (code := process.poll()) is not None:
                raise self._error(role, f"ended with {code}")

    def _answers(self) -> bool:
        self.require_all()
        return is_ready(self.folder, self.endpoints.server)

    def _error(self, role: str, what: str) -> ClusterError:
        return ClusterError(
            f"{role} of cluster {self.folder.name} {what}", remedy=_LOG_REMEDY, log=self.folder.log(role)
        )


def is_ready(folder: Folder, server: str) -> bool:
    """Whether the API server of this cluster, and no other that took its port, says that it is ready."""
    try:
        trust = ssl.create_default_context(cafile=folder.credentials.certificate_authority)
        token = folder.credentials.token
        request = urllib.request.Request(f"{server}/readyz", headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        with opener.open(request, timeout=2) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
    except (OSError, urllib.error.URLError, ValueError):
        return False


def stop(folder: Folder) -> None:
    """Stop the control plane, clients first and the store last."""
    for roles, grace in _STOP_ORDER:
        processes.stop(folder.path, roles, grace_seconds=grace)


def loopback_endpoints() -> Endpoints:
    """Free ports of the loopback interface. Another process may take one before we do: the start is then repeated."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        api, etcd, peer = (each.getsockname()[1] for each in sockets)
    return Endpoints(
        bind="127.0.0.1",
        advertise="127.0.0.1",
        api_port=api,
        etcd_port=etcd,
        etcd_peer_port=peer,
        services="10.96.0.0/16",
    )
