"""Which programs a cluster is made of, in which versions, and the folders of the cache that hold them."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import Final

from local_cluster.failures import ClusterError
from local_cluster.folders import cache_folder

KUBERNETES: Final = "1.36.3"
# The versions below are those that go/go.mod resolves to: a test compares both.
ETCD: Final = "3.6.8"
COREDNS: Final = "1.14.2"
HELM: Final = "3.20.2"
KUEUE: Final = "0.19.2"  # of go-kueue/go.mod

KUBE_PROGRAMS: Final = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)
PROGRAMS: Final = (*KUBE_PROGRAMS, "etcd", "coredns", "helm", "pause")
KUEUE_MANAGER: Final = "kueue"
KUEUE_OBJECTS: Final = "kueue.yaml"

GO_SOURCES: Final = Path(__file__).resolve().parents[1] / "go"
KUEUE_SOURCES: Final = GO_SOURCES.with_name("go-kueue")

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def architecture() -> str:
    """The machine's architecture in Go's words."""
    if platform.system() != "Linux" or platform.machine().lower() not in _ARCHITECTURES:
        raise ClusterError(
            f"a cluster cannot run on {platform.system()} on {platform.machine()}",
            remedy="Use Linux on x86-64 or arm64, for instance in a virtual machine; "
            "or point KUBECONFIG at a cluster that exists and install the chart there.",
        )
    return _ARCHITECTURES[platform.machine().lower()]


def binaries_folder() -> Path:
    """The folder for exactly these versions, built from exactly these sources."""
    return _folder(f"kubernetes-{KUBERNETES}", f"{KUBERNETES} {ETCD} {COREDNS} {HELM}", GO_SOURCES)


def kueue_folder() -> Path:
    """The folder for Kueue's manager and the objects of its installation, of exactly this version."""
    return _folder(f"kueue-{KUEUE}", KUEUE, KUEUE_SOURCES)


def _folder(name: str, versions: str, sources: Path) -> Path:
    digest = hashlib.sha256(versions.encode())
    for source in sorted(sources.rglob("*")):
        if source.is_file():
            digest.update(source.read_bytes())
    return cache_folder() / f"{name}-{architecture()}-{digest.hexdigest()[:10]}"
