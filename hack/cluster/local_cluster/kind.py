"""Clusters by kind, where it and Docker are on the machine: as people expect, with our kubeconfig and stand-in GPUs."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from local_cluster.failures import ClusterError
from local_cluster.gpus import set_gpus
from local_cluster.kubectl import apply_manifests, kubectl
from local_cluster.record import Kind, Record

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.progress import Progress
    from local_cluster.provider import Request
    from local_cluster.record import Folder

_DOCKER_ANSWERS_WITHIN_SECONDS: Final = 10


def is_available() -> bool:
    """Whether kind is installed and a Docker engine answers."""
    return not _missing()


def require() -> None:
    """Say what is missing when kind was asked for by name."""
    if missing := _missing():
        raise ClusterError(
            f"kind cannot be used: {missing}",
            remedy="Install kind and start Docker, or use `--provider onenode`.",
        )


def _missing() -> str:
    for program in ("kind", "docker"):
        if shutil.which(program) is None:
            return f"{program} is not on PATH"
    try:
        answer = subprocess.run(
            ["docker", "info"], capture_output=True, timeout=_DOCKER_ANSWERS_WITHIN_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"`docker info` did not answer within {_DOCKER_ANSWERS_WITHIN_SECONDS} s"
    return "" if answer.returncode == 0 else "`docker info` fails, so no Docker engine is running"


@dataclass(frozen=True)
class KindCluster:
    """kind names the node after the cluster; the kubeconfig is ours, the user's own stays as it is."""

    binaries: Path
    kind: Kind = Kind.KIND

    def require(self, progress: Progress) -> None:  # noqa: ARG002 - a look is quick
        require()

    def start(self, folder: Folder, request: Request, progress: Progress) -> Record:
        if folder.name in _kind("get", "clusters").split():
            raise ClusterError(
                f"there is a kind cluster {folder.name} that this tool did not make",
                remedy=f"Use another name, or remove it: `kind delete cluster --name {folder.name}`.",
            )
        _mark(folder).touch()
        progress.run(
            ["kind", "create", "cluster", f"--name={folder.name}", f"--kubeconfig={folder.kubeconfig}", "--wait=180s"],
            what=f"create the kind cluster {folder.name} (1 to 3 minutes the first time)",
            remedy="Read the log; `kind get clusters` and `docker ps` show what is there.",
            log=folder.log("kind"),
        )
        apply_manifests(folder, self.binaries, request.manifests)
        set_gpus(folder, self.binaries, _node(folder), request.gpus or 0)
        server = kubectl(folder, self.binaries, "config", "view", "-o=jsonpath={.clusters[0].cluster.server}")
        return Record(self.kind, server=server, gpus=request.gpus or 0)

    def is_healthy(self, folder: Folder, record: Record) -> bool:  # noqa: ARG002 - kind knows where its server is
        try:
            return kubectl(folder, self.binaries, "get", "--raw=/readyz", "--request-timeout=3s") == "ok"
        except ClusterError:
            return False

    def adjust(self, folder: Folder, record: Record, request: Request) -> Record:
        apply_manifests(folder, self.binaries, request.manifests)
        gpus = record.gpus if request.gpus is None else request.gpus
        set_gpus(folder, self.binaries, _node(folder), gpus)
        return replace(record, gpus=gpus)

    def load(self, folder: Folder, archive: Path) -> None:
        _kind("load", "image-archive", f"--name={folder.name}", str(archive))

    def host_address(self, folder: Folder, record: Record) -> str:  # noqa: ARG002 - Docker's network of all kind clusters
        template = "{{range .IPAM.Config}}{{.Gateway}} {{end}}"
        gateways = _output("docker", "network", "inspect", "kind", f"--format={template}").split()
        return next(gateway for gateway in gateways if ":" not in gateway)

    def clear(self, folder: Folder) -> None:
        if _mark(folder).exists():
            _kind("delete", "cluster", f"--name={folder.name}", f"--kubeconfig={folder.kubeconfig}")
            _mark(folder).unlink()


def _mark(folder: Folder) -> Path:
    """Says that the kind cluster of this name is ours to delete."""
    return folder.path / "made-by-us"


def _node(folder: Folder) -> str:
    return f"{folder.name}-control-plane"


def _kind(*arguments: str) -> str:
    return _output("kind", *arguments)


def _output(*command: str) -> str:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        require()
        raise
    if answer.returncode != 0:
        raise ClusterError(
            f"{' '.join(command)}: {' '.join(answer.stderr.split())}",
            remedy="Is Docker still running? `docker info` tells.",
        )
    return answer.stdout
