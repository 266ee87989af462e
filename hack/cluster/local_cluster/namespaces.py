"""A network namespace and a mount namespace for one cluster, held open by a process that sleeps."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_cluster import processes
from local_cluster.failures import ClusterError
from local_cluster.progress import wait_until

if TYPE_CHECKING:
    from local_cluster.record import Folder

HOLDER: Final = "namespaces"
_READY_WITHIN_SECONDS: Final = 20.0
# Where container runtimes, kubelet and network plugins write whatever they are told. The node has its own.
_OWN_PLACES: Final = (Path("/var/log"), Path("/var/lib/cni"), Path("/var/lib/kubelet"))


@dataclass(frozen=True)
class Namespaces:
    """The namespaces of a living cluster."""

    pid: int

    @property
    def enter(self) -> list[str]:
        """What to put before a command to run it inside."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--net", "--"]


def create(folder: Folder) -> Namespaces:
    """Make the namespaces. They, and the mounts in them, end with the cluster's last process."""
    ready = folder.path / "namespaces-ready"
    holder = processes.start(
        folder.path,
        HOLDER,
        # Mounts of the machine appear inside, mounts from inside do not appear on the machine.
        ["unshare", "--mount", "--net", "--propagation=slave", "--", "sh", "-c", _script(folder, str(ready))],
        log=folder.log(HOLDER),
    )
    wait_until(lambda: ready.exists() or holder.poll() is not None, within_seconds=_READY_WITHIN_SECONDS)
    if not ready.exists():
        raise ClusterError(
            "the namespaces for the node could not be made",
            remedy="The machine must allow root to mount and to make network namespaces; in a container, run it "
            "privileged, or use `up --control-plane-only`.",
            log=folder.log(HOLDER),
        )
    return Namespaces(holder.pid)


def find(folder: Folder) -> Namespaces:
    """The namespaces of a cluster that is up."""
    for member in processes.members(folder.path):
        if member.role == HOLDER:
            return Namespaces(member.pid)
    raise ClusterError(f"{folder.name} is not running", remedy=f"Start it: `up --name {folder.name}`.")


def remove_empty_places() -> None:
    """Remove the folders that were made on the machine to mount over, unless others have put something there."""
    for place in _OWN_PLACES:
        with suppress(OSError):
            place.rmdir()


def _script(folder: Folder, ready: str) -> str:
    """Mount the node's own places, and bring its network up as far as it goes alone."""
    mounts = [(shlex.quote(str(folder.path / "node" / place.name)), place) for place in _OWN_PLACES]
    return "\n".join(
        [
            "set -eu",
            *(f"mkdir -p {own} {place}; mount --bind {own} {place}" for own, place in mounts),
            "mount -t tmpfs -o mode=0755 tmpfs /run; mkdir -p /run/netns /run/lock",
            "ip link set lo up",
            "echo 1 > /proc/sys/net/ipv4/ip_forward",
            f"touch {shlex.quote(ready)}",
            "exec sleep infinity",
        ]
    )
