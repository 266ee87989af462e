"""The control groups of one cluster's pods: made before the node starts, emptied and removed after it.

Works with version 2 (one tree) and version 1 (a tree for each controller), whichever the machine has mounted.
"""

from __future__ import annotations

import hashlib
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_cluster.failures import ClusterError
from local_cluster.progress import wait_until

if TYPE_CHECKING:
    from local_cluster.record import Folder

_MOUNTS: Final = Path("/proc/self/mountinfo")
_EMPTY_WITHIN_SECONDS: Final = 10.0


def group_of(folder: Folder) -> str:
    """The name of the cluster's group; two folders never share one, even if the clusters' names are equal."""
    return f"wandbsweep-{folder.name}-{hashlib.sha256(str(folder.path).encode()).hexdigest()[:6]}"


def hierarchies(mounts: str) -> list[Path]:
    """The mount points of the control group trees, out of the text of a mountinfo file."""
    found = []
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if after.split(" ", 1)[0] in {"cgroup", "cgroup2"}:
            found.append(Path(before.split(" ")[4]))
    return found


def create(folder: Folder) -> None:
    """Make the group in every tree: kubelet wants to find it."""
    trees = hierarchies(_MOUNTS.read_text())
    try:
        for tree in trees:
            _create_in(tree, tree / group_of(folder))
    except OSError as error:
        raise ClusterError(
            f"no control group can be made: {error}",
            remedy="A node needs write access to /sys/fs/cgroup: run on a machine or in a privileged container, or "
            "use `up --control-plane-only`.",
        ) from error


def _create_in(tree: Path, group: Path) -> None:
    group.mkdir(exist_ok=True)
    for setting in ("cpuset.cpus", "cpuset.mems"):
        own, above = group / setting, tree / setting
        # Version 1 starts a group without processors and memory: nothing could run in it.
        if above.exists() and own.exists() and not own.read_text().strip():
            own.write_text(above.read_text())
    if (controllers := tree / "cgroup.controllers").exists():
        for controller in controllers.read_text().split():
            for level in (tree, group):
                with suppress(OSError):  # not every controller can be handed down on every machine
                    (level / "cgroup.subtree_control").write_text(f"+{controller}")


def remove(folder: Folder) -> None:
    """Kill what is left in the cluster's groups, and remove them."""
    groups = [tree / group_of(folder) for tree in hierarchies(_MOUNTS.read_text())]

    def empty() -> bool:
        left = {pid for group in groups for pid in _processes(group)}
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    wait_until(empty, within_seconds=_EMPTY_WITHIN_SECONDS, every_seconds=0.05)
    # A group can be busy for a moment after its last process.
    wait_until(lambda: not [group for group in groups if not _remove_tree(group)], within_seconds=_EMPTY_WITHIN_SECONDS)


def _processes(group: Path) -> set[int]:
    pids: set[int] = set()
    for inner, _, _ in os.walk(group):  # which takes it well that groups go while it looks
        with suppress(OSError):
            pids.update(int(line) for line in Path(inner, "cgroup.procs").read_text().split())
    return pids


def _remove_tree(group: Path) -> bool:
    for inner, _, _ in os.walk(group, topdown=False):
        with suppress(OSError):
            Path(inner).rmdir()
    return not group.exists()
