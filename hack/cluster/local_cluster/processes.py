"""Starts the processes of a cluster and finds them again.

Each process carries the cluster's folder and its own role in its environment, and hands both on to its children. What
is found by that mark belongs to the cluster, whoever started it and whatever died since; nothing else is ever touched.
A list of process IDs in a file could not say that: IDs are used again, and a killed run leaves the list unwritten.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_cluster.progress import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_CLUSTER: Final = "WANDBSWEEP_CLUSTER_FOLDER"
_ROLE: Final = "WANDBSWEEP_CLUSTER_ROLE"
# Programs for administrators are there also for users whose PATH lacks them.
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KILLED_WITHIN_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Member:
    """A process of a cluster as it was found."""

    pid: int
    role: str


def start(
    folder: Path, role: str, command: Sequence[str | Path], *, log: Path, more: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one. It sees none of the caller's variables, so proxies do not reach it."""
    environment = {
        "PATH": f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}",
        "HOME": str(folder),
        **(more or {}),
        _CLUSTER: str(folder),
        _ROLE: role,
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )


def members(folder: Path) -> list[Member]:
    """The living processes that carry the cluster's mark, by process ID."""
    wanted = f"{_CLUSTER}={folder}".encode()
    running = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    found = (Member(int(entry.name), role) for entry in running if (role := _role(entry, wanted)) is not None)
    return sorted(found, key=lambda member: member.pid)


def _role(process: Path, wanted: bytes) -> str | None:
    try:
        variables = (process / "environ").read_bytes().split(b"\0")
        if wanted not in variables or _is_over(process):
            return None
    except OSError:  # it ended, or belongs to another user
        return None
    prefix = f"{_ROLE}=".encode()
    return next((each.removeprefix(prefix).decode() for each in variables if each.startswith(prefix)), "")


def _is_over(process: Path) -> bool:
    """Ended, and only waiting for its parent to notice."""
    return (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"


def stop(folder: Path, roles: Iterable[str] | None = None, *, grace_seconds: float) -> None:
    """End the cluster's processes of these roles (all by default): ask, wait for a while, then kill."""
    wanted = None if roles is None else frozenset(roles)

    def left() -> list[Member]:
        return [member for member in members(folder) if wanted is None or member.role in wanted]

    if grace_seconds > 0:
        for member in left():
            _send(member, folder, signal.SIGTERM)
        if wait_until(lambda: not left(), within_seconds=grace_seconds):
            return

    def killed() -> bool:
        there = left()
        for member in there:
            _send(member, folder, signal.SIGKILL)
        return not there

    wait_until(killed, within_seconds=_KILLED_WITHIN_SECONDS, every_seconds=0.05)


def _send(member: Member, folder: Path, number: signal.Signals) -> None:
    """Signal exactly this process: the descriptor holds its identity while its mark is looked at again."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(member.pid)
        try:
            if _role(Path(f"/proc/{member.pid}"), f"{_CLUSTER}={folder}".encode()) is not None:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
