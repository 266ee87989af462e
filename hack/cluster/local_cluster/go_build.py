"""Builds the programs of a cluster from Go modules: one module, so that they share compiled packages.

Kueue has a module of its own: it is built for the few who need it, with the versions of its own release.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from local_cluster.failures import ClusterError
from local_cluster.folders import cache_folder
from local_cluster.go_toolchain import ensure_go, own_toolchain_only
from local_cluster.versions import (
    ETCD,
    GO_SOURCES,
    HELM,
    KUBE_PROGRAMS,
    KUBERNETES,
    KUEUE,
    KUEUE_MANAGER,
    KUEUE_OBJECTS,
    KUEUE_SOURCES,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_cluster.progress import Progress

_NEEDED_BYTES = 6 * 1024**3  # sources 1.5 GB, compiled packages 2 GB, the linker's temporary files
_HELM_COMMAND = "helm.sh/helm/v3/cmd/helm"
_KUEUE_MODULE = "sigs.k8s.io/kueue"
_REMEDY = (
    "Read the log. Go needs its module proxy (GOPROXY) once; compiled packages are kept, so the next try goes on "
    "where this one stopped."
)


def build_all(folder: Path, progress: Progress) -> None:
    """Build everything: about 6 minutes on 2 cores, seconds if Go's cache has it all."""
    _require_disk(folder)
    _build(
        folder,
        ["./kube", "./coredns", "./pause", _HELM_COMMAND],
        what=f"build Kubernetes {KUBERNETES}, etcd {ETCD}, CoreDNS and Helm {HELM} (the first time about 6 minutes "
        "on 2 cores)",
        progress=progress,
    )
    for program in (*KUBE_PROGRAMS, "etcd"):
        (folder / program).symlink_to("kube")


def build_pause(folder: Path, progress: Progress) -> None:
    """Build only what no release holds: the process that keeps a pod's namespaces."""
    _build(folder, ["./pause"], what="build the pause process (seconds)", progress=progress)


def build_kueue(folder: Path, kubectl: Path, progress: Progress) -> None:
    """Kueue's manager, and all objects of its installation as its authors put them together."""
    _require_disk(folder)
    _build(
        folder,
        [f"{_KUEUE_MODULE}/cmd/{KUEUE_MANAGER}"],
        what=f"build Kueue {KUEUE} (the first time some minutes)",
        progress=progress,
        sources=KUEUE_SOURCES,
    )
    progress.run(
        [kubectl, "kustomize", _kueue_source(progress) / "config" / "default", "--output", folder / KUEUE_OBJECTS],
        what="put together the objects of Kueue's installation",
        remedy="Read the log.",
        log=_log(),
    )


def _kueue_source(progress: Progress) -> Path:
    """Where the module that was built lies: Go has compared it with its checksum."""
    answer = subprocess.run(
        [ensure_go(progress), "list", "-m", "-f", "{{.Dir}}", _KUEUE_MODULE],
        capture_output=True,
        text=True,
        cwd=KUEUE_SOURCES,
        env=_environment(),
        check=False,
    )
    if answer.returncode != 0:
        raise ClusterError(f"Go cannot find {_KUEUE_MODULE}: {answer.stderr.strip()}", remedy=_REMEDY)
    return Path(answer.stdout.strip())


def _build(folder: Path, packages: Sequence[str], *, what: str, progress: Progress, sources: Path = GO_SOURCES) -> None:
    go = ensure_go(progress)
    log = _log()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    progress.run(
        [go, "build", "-v", "-buildvcs=false", "-trimpath", "-ldflags", _linker_flags(), "-o", f"{folder}/", *packages],
        what=what,
        remedy=_REMEDY,
        log=log,
        folder=sources,
        environment=_environment(),
        describe=lambda: f"{_count_packages(log)} packages compiled",
    )


def _log() -> Path:
    return cache_folder() / "go-build.log"


def _environment() -> dict[str, str]:
    # One value of CGO_ENABLED for all builds: with another, Go's cache fills a second time.
    return {**own_toolchain_only(), "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}


def _linker_flags() -> str:
    """Without its version `kubectl version` fails, and features misjudge the server."""
    major, minor, _ = KUBERNETES.split(".")
    version = "k8s.io/component-base/version"
    values = {
        f"{version}.gitVersion": f"v{KUBERNETES}",
        f"{version}.gitMajor": major,
        f"{version}.gitMinor": minor,
        "helm.sh/helm/v3/internal/version.version": f"v{HELM}",
        f"{_KUEUE_MODULE}/pkg/version.GitVersion": f"v{KUEUE}",
    }
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in values.items())])


def _count_packages(log: Path) -> int:
    lines = log.read_text(errors="replace").splitlines()
    return sum(1 for line in lines if line and " " not in line)


def _require_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < _NEEDED_BYTES:
        raise ClusterError(
            f"building needs {_NEEDED_BYTES >> 30} GiB of free disk, there are {free / 2**30:.1f} at {folder}",
            remedy=f"Free some space, or set XDG_CACHE_HOME and GOCACHE to a larger disk (GOCACHE is "
            f"{os.environ.get('GOCACHE', '~/.cache/go-build')}).",
        )
