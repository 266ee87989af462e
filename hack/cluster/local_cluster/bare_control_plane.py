"""A control plane without a node, for tests of controllers: no root, pods stay Pending, ready in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local_cluster import control_plane, processes
from local_cluster.control_plane import ControlPlane, is_ready, loopback_endpoints
from local_cluster.failures import ClusterError, tail
from local_cluster.kubectl import apply_manifests
from local_cluster.record import Kind, Record

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.progress import Progress
    from local_cluster.provider import Request
    from local_cluster.record import Folder

_ROLES: Final = frozenset({"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"})
_TRIES: Final = 3


@dataclass(frozen=True)
class BareControlPlane:
    """etcd, API server, controller manager and scheduler on free ports of the loopback interface."""

    binaries: Path
    kind: Kind = Kind.CONTROL_PLANE

    def require(self, progress: Progress) -> None:
        """Any user's account on any Linux will do."""

    def start(self, folder: Folder, request: Request, progress: Progress) -> Record:
        plane = self._start_server(folder, progress, tries=_TRIES)
        apply_manifests(folder, self.binaries, request.manifests)
        plane.start_controllers()
        plane.wait_for_controllers()
        return Record(self.kind, server=plane.endpoints.server)

    def _start_server(self, folder: Folder, progress: Progress, *, tries: int) -> ControlPlane:
        plane = ControlPlane(self.binaries, folder, loopback_endpoints())
        progress.say(f"start a control plane at {plane.endpoints.server}")
        plane.start_server()
        try:
            plane.wait_for_server()
        except ClusterError as error:
            if tries == 1 or error.log is None or not _port_was_taken(error.log):
                raise
            progress.say("another process took one of the ports: once more with others")
            control_plane.stop(folder)
            return self._start_server(folder, progress, tries=tries - 1)
        return plane

    def is_healthy(self, folder: Folder, record: Record) -> bool:
        roles = {member.role for member in processes.members(folder.path)}
        return roles >= _ROLES and is_ready(folder, record.server)

    def adjust(self, folder: Folder, record: Record, request: Request) -> Record:
        apply_manifests(folder, self.binaries, request.manifests)
        return record

    def load(self, folder: Folder, archive: Path) -> None:
        raise ClusterError(
            f"{folder.name} is a control plane without a node: there is nowhere to put {archive.name}",
            remedy=f"Start a cluster with a node: `up --name {folder.name}-node`.",
        )

    def host_address(self, folder: Folder, record: Record) -> str:  # noqa: ARG002 - there are no pods
        return "127.0.0.1"

    def clear(self, folder: Folder) -> None:
        control_plane.stop(folder)
        processes.stop(folder.path, grace_seconds=0)


def _port_was_taken(log: Path) -> bool:
    return any("address already in use" in line for line in tail(log))
