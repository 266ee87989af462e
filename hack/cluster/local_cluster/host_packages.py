"""What a one-node cluster needs from the machine's own packages: the container runtime and network tools."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_cluster.failures import ClusterError
from local_cluster.folders import cache_folder, locked

if TYPE_CHECKING:
    from local_cluster.progress import Progress

_CNI_PLUGINS: Final = ("ptp", "host-local", "loopback")
_CNI_FOLDERS: Final = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
_REMEDY: Final = "Check the machine's apt sources and its network, then run the command again."


@dataclass(frozen=True)
class Requirement:
    """Programs, and the Debian package that has them."""

    package: str
    programs: tuple[str, ...]


REQUIREMENTS: Final = (
    Requirement("containerd", ("containerd", "ctr")),
    Requirement("runc", ("runc",)),
    Requirement("iproute2", ("ip",)),
    Requirement("nftables", ("nft",)),
    Requirement("iptables", ("iptables",)),  # kubelet refuses to set up its chains without it
    Requirement("util-linux", ("unshare", "nsenter", "mount")),
)


def ensure_host_packages(progress: Progress) -> None:
    """Install what is missing where that is possible, name it where it is not."""
    if not (missing := missing_packages()):
        return
    packages = " ".join(missing)
    if os.geteuid() != 0:
        raise ClusterError(
            f"a one-node cluster needs packages that are not installed: {packages}",
            remedy=f"Install them: `sudo apt-get install --no-install-recommends {packages}`.",
        )
    if shutil.which("apt-get") is None:
        raise ClusterError(
            f"these programs are missing on the machine: {packages} (Debian's package names)",
            remedy="Install them with the machine's package manager, then run the command again.",
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    log = cache_folder() / "apt-get.log"
    with locked(cache_folder() / ".apt-get.lock"):
        progress.run(
            ["apt-get", "update", "-q"],
            what="refresh the package lists",
            remedy=_REMEDY,
            log=log,
            environment=environment,
        )
        progress.run(
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing],
            what=f"install {packages}",
            remedy=_REMEDY,
            log=log,
            environment=environment,
        )


def missing_packages() -> list[str]:
    """Debian's names for what is not on the machine."""
    missing = [each.package for each in REQUIREMENTS if not all(find_program(name) for name in each.programs)]
    if cni_folder() is None:
        missing.append("containernetworking-plugins")
    return missing


def cni_folder() -> Path | None:
    """The folder that holds the network plugins, wherever the distribution puts them."""
    for folder in _CNI_FOLDERS:
        if all((folder / plugin).exists() for plugin in _CNI_PLUGINS):
            return folder
    return None


def find_program(program: str) -> str | None:
    """Look in the folders for administrators too: a user's PATH often lacks them."""
    return shutil.which(program) or shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")
