"""A whole cluster of one node: control plane, real containers, Services and DNS, in namespaces of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from local_cluster import cgroups, control_plane, namespaces, network, processes
from local_cluster.components import Endpoints
from local_cluster.control_plane import ControlPlane, is_ready
from local_cluster.failures import ClusterError
from local_cluster.gpus import set_gpus
from local_cluster.host_packages import ensure_host_packages
from local_cluster.kubectl import apply_manifests
from local_cluster.node import Node, is_node_ready
from local_cluster.record import Kind, Record
from local_cluster.subnets import Block

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.progress import Progress
    from local_cluster.provider import Request
    from local_cluster.record import Folder

_CLIENTS: Final = ("kubelet", "kube-proxy", "coredns", "kube-scheduler", "kube-controller-manager")
_ROLES: Final = frozenset({*_CLIENTS, namespaces.HOLDER, "containerd", "kube-apiserver", "etcd"})


@dataclass(frozen=True)
class OneNode:
    """Needs root; leaves the machine's own network, mounts and container runtime alone."""

    binaries: Path
    kind: Kind = Kind.ONE_NODE

    def require(self, progress: Progress) -> None:
        _require_root()
        ensure_host_packages(progress)

    def start(self, folder: Folder, request: Request, progress: Progress) -> Record:
        cgroups.create(folder)
        spaces = namespaces.create(folder)
        block = network.connect(spaces)
        plane = ControlPlane(self.binaries, folder, _endpoints(block), enter=spaces.enter, with_node=True)
        record = Record(self.kind, server=plane.endpoints.server, gpus=request.gpus or 0, block=block.number)
        folder.write(record)
        progress.say(f"start {folder.name} at {plane.endpoints.server} (about 15 s)")
        node = Node(folder, self.binaries, block, spaces)
        node.write_files()
        plane.start_server()
        node.start_runtime(plane)
        plane.wait_for_server()
        apply_manifests(folder, self.binaries, request.manifests)
        plane.start_controllers()
        node.start_programs(plane)
        plane.wait_for_controllers()
        progress.say("wait for the node")
        node.wait_until_ready(plane)
        set_gpus(folder, self.binaries, folder.name, record.gpus)
        return record

    def is_healthy(self, folder: Folder, record: Record) -> bool:
        roles = {member.role for member in processes.members(folder.path)}
        return roles >= _ROLES and is_ready(folder, record.server) and is_node_ready(folder, self.binaries)

    def adjust(self, folder: Folder, record: Record, request: Request) -> Record:
        self._node(folder, record).ensure_pause_image()
        apply_manifests(folder, self.binaries, request.manifests)
        gpus = record.gpus if request.gpus is None else request.gpus
        set_gpus(folder, self.binaries, folder.name, gpus)
        return replace(record, gpus=gpus)

    def load(self, folder: Folder, archive: Path) -> None:
        record = folder.read()
        if record is None:
            raise ClusterError(f"there is no cluster {folder.name}", remedy=f"Start it: `up --name {folder.name}`.")
        self._node(folder, record).load(archive)

    def _node(self, folder: Folder, record: Record) -> Node:
        return Node(folder, self.binaries, Block(record.block), namespaces.find(folder))

    def host_address(self, folder: Folder, record: Record) -> str:  # noqa: ARG002 - the record says it all
        return str(Block(record.block).host)

    def clear(self, folder: Folder) -> None:
        """First who would start things anew, then the containers, then what they all talk to, the namespaces last."""
        _require_root()
        processes.stop(folder.path, _CLIENTS, grace_seconds=3)
        cgroups.remove(folder)
        processes.stop(folder.path, ["containerd"], grace_seconds=2)
        control_plane.stop(folder)
        processes.stop(folder.path, grace_seconds=0)
        if (record := folder.read()) is not None and record.server:
            network.disconnect(Block(record.block))
        namespaces.remove_empty_places()


def _require_root() -> None:
    if os.geteuid() != 0:
        raise ClusterError(
            "a one-node cluster needs root: it makes namespaces, mounts and control groups",
            remedy="Run the command as root; or start Docker and install kind, which is then used instead; or use "
            "`up --control-plane-only`, which has no node.",
        )


def _endpoints(block: Block) -> Endpoints:
    """The usual ports: the namespace has them all to itself."""
    return Endpoints(
        bind="0.0.0.0",  # noqa: S104 - inside the cluster's own network namespace
        advertise=str(block.node),
        api_port=6443,
        etcd_port=2379,
        etcd_peer_port=2380,
        services=str(block.services),
    )
