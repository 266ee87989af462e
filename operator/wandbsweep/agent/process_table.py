"""Who is whose child: the processes of this container as /proc shows them, and the duty to adopt orphans.

Where there is no /proc (macOS) the table is empty: a workstation then relies on process groups alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable, Iterator

_PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Process:
    """One row of the table."""

    pid: int
    parent: int
    group: int
    session: int
    state: str

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie only waits to be reaped."""
        return self.state not in {"Z", "X"}


def process_table() -> list[Process]:
    """Every process that can be seen; one that ends meanwhile is left out."""
    if not _PROC.is_dir():
        return []
    return [process for entry in _PROC.iterdir() if entry.name.isdigit() for process in _read(entry)]


def _read(entry: Path) -> Iterator[Process]:
    try:
        text = (entry / "stat").read_text(errors="replace")
    except OSError:
        return
    # The command's name stands in parentheses and may itself hold spaces and parentheses.
    state, parent, group, session = text.rpartition(")")[2].split()[:4]
    yield Process(int(entry.name), int(parent), int(group), int(session), state)


def descendants(ancestor: int, table: Iterable[Process]) -> list[Process]:
    """Children, their children and so on, without the ancestor itself."""
    children: dict[int, list[Process]] = {}
    for process in table:
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    queue = [ancestor]
    while queue:
        for child in children.get(queue.pop(), []):
            found.append(child)
            queue.append(child.pid)
    return found


def adopt_orphans() -> None:
    """Makes this process the parent of descendants whose own parent dies, as PID 1 is for all.

    Linux only; elsewhere orphans go to init, and process groups have to do.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap() -> dict[int, int]:
    """Collects every child that has ended, adopted ones too: its pid and exit code (negative: the signal)."""
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended


def send(pids: Iterable[int], signum: signal.Signals) -> None:
    """Sends a signal to each; one that is gone, or that belongs to somebody else, is passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signum)


def send_group(group: int, signum: signal.Signals) -> None:
    """Sends a signal to all of a process group; an empty group is passed over."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)
