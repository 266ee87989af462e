"""Runs the node's own programs: containerd, kubelet, kube-proxy and CoreDNS, inside the cluster's namespaces."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local_cluster import cgroups, components, node_files
from local_cluster.failures import ClusterError
from local_cluster.host_packages import cni_folder
from local_cluster.image_archive import image_archive
from local_cluster.kubectl import kubectl
from local_cluster.progress import wait_until
from local_cluster.versions import architecture

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.control_plane import ControlPlane
    from local_cluster.namespaces import Namespaces
    from local_cluster.record import Folder
    from local_cluster.subnets import Block

_READY_WITHIN_SECONDS: Final = 120.0
_CONTAINERD_WITHIN_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Node:
    """The node of one cluster; its processes are watched together with those of the control plane."""

    folder: Folder
    binaries: Path
    block: Block
    namespaces: Namespaces

    @property
    def files(self) -> Path:
        return self.folder.path / "node"

    def write_files(self) -> None:
        """All configuration, before anything starts."""
        cni = cni_folder()
        if cni is None:
            raise ClusterError(
                "the network plugins ptp, host-local and loopback are not on this machine",
                remedy="Install them (Debian: `sudo apt-get install containernetworking-plugins`).",
            )
        snapshotter = "native" if _is_overlay(self.folder.path) else "overlayfs"
        (self.files / "net.d").mkdir(parents=True, exist_ok=True)
        for name, text in {
            "containerd.toml": node_files.containerd(self.folder, cni=cni, snapshotter=snapshotter),
            "net.d/pods.conflist": node_files.pod_network(self.block),
            "kubelet.json": node_files.kubelet(self.folder, self.block, cgroup=cgroups.group_of(self.folder)),
            "kube-proxy.json": node_files.kube_proxy(self.folder, self.block),
            "resolv.conf": node_files.resolv_conf(self.block),
            "Corefile": node_files.corefile(self.folder, self.block),
            "audit-policy.json": node_files.audit_policy(),
        }.items():
            (self.files / name).write_text(text)

    def start_runtime(self, plane: ControlPlane) -> None:
        plane.start("containerd", components.containerd(self.files / "containerd.toml"))

    def start_programs(self, plane: ControlPlane) -> None:
        """Start what needs the API server and the container runtime."""
        if not wait_until(lambda: self._images() is not None, within_seconds=_CONTAINERD_WITHIN_SECONDS):
            plane.require_all()
            raise ClusterError(
                f"containerd did not answer within {_CONTAINERD_WITHIN_SECONDS:.0f} s",
                remedy="Read the log; the next `up` starts from nothing.",
                log=self.folder.log("containerd"),
            )
        self.ensure_pause_image()
        binaries, folder = self.binaries, self.folder
        plane.start(
            "kubelet",
            components.kubelet(
                binaries, folder, node_address=str(self.block.node), configuration=self.files / "kubelet.json"
            ),
        )
        plane.start("kube-proxy", components.kube_proxy(binaries, folder, configuration=self.files / "kube-proxy.json"))
        plane.start("coredns", components.coredns(binaries, self.files / "Corefile"))
        kubectl(folder, binaries, "apply", "--server-side", "-f", "-", manifest=node_files.dns_service(self.block))

    def wait_until_ready(self, plane: ControlPlane) -> None:
        def ready() -> bool:
            plane.require_all()
            return is_node_ready(self.folder, self.binaries)

        if not wait_until(ready, within_seconds=_READY_WITHIN_SECONDS, every_seconds=0.3):
            raise ClusterError(
                f"the node of {self.folder.name} was not Ready within {_READY_WITHIN_SECONDS:.0f} s",
                remedy="Read the log; the next `up` starts from nothing.",
                log=self.folder.log("kubelet"),
            )

    def ensure_pause_image(self) -> None:
        """No pod starts without it, and somebody may have removed it."""
        if node_files.PAUSE_IMAGE in (self._images() or ()):
            return
        archive = self.files / "pause.tar"
        program = (self.binaries / "pause").read_bytes()
        archive.write_bytes(
            image_archive(
                {"pause": program},
                name=node_files.PAUSE_IMAGE,
                architecture=architecture(),
                entrypoint=["/pause"],
            )
        )
        self.load(archive)

    def load(self, archive: Path) -> None:
        """Import an image archive; handed over as a stream, since the node has its own view of some folders."""
        with archive.open("rb") as content:
            answer = subprocess.run(
                self._ctr("images", "import", "-"), stdin=content, capture_output=True, text=True, check=False
            )
        if answer.returncode != 0:
            raise ClusterError(
                f"{archive} could not be loaded: {answer.stderr.strip()}",
                remedy="It must be an image archive as `docker save` and `buildah push … docker-archive:` write it.",
            )

    def _images(self) -> list[str] | None:
        """The names of the images on the node, None while containerd does not answer."""
        answer = subprocess.run(self._ctr("images", "list", "-q"), capture_output=True, text=True, check=False)
        return answer.stdout.split() if answer.returncode == 0 else None

    def _ctr(self, *arguments: str) -> list[str]:
        address = f"--address={node_files.CONTAINERD_SOCKET}"
        return [*self.namespaces.enter, "ctr", address, "--namespace=k8s.io", *arguments]


def is_node_ready(folder: Folder, binaries: Path) -> bool:
    """Whether kubelet says so; no answer is no."""
    with suppress(ClusterError):
        path = '-o=jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        return kubectl(folder, binaries, "get", "node", folder.name, "--ignore-not-found", path) == "True"
    return False


def _is_overlay(path: Path) -> bool:
    """Overlays cannot be stacked on an overlay, as the root file system of a container is."""
    answer = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == "overlayfs"
