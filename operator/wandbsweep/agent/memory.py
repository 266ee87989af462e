"""How often the kernel has killed a process of this container because its memory was used up."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_MOUNT: Final = Path("/sys/fs/cgroup")
_MEMBERSHIP: Final = Path("/proc/self/cgroup")


def oom_kills(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> int:
    """The count of this process's own cgroup, version 2 or 1; 0 where there is none to be read."""
    counts = (_oom_kills(file) for file in _files(mount, membership))
    return next((count for count in counts if count is not None), 0)


def _oom_kills(file: Path) -> int | None:
    try:
        rows = dict(line.split()[:2] for line in file.read_text(encoding="utf-8").splitlines() if " " in line)
        return int(rows["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None


def _files(mount: Path, membership: Path) -> list[Path]:
    """In a namespace of its own a container sees its cgroup as the root of the mount, else under its path."""
    paths = _paths(membership)
    unified, old = paths.get("", "/"), paths.get("memory", "/")
    return [
        mount / unified.strip("/") / "memory.events",
        mount / "memory.events",
        mount / "memory" / old.strip("/") / "memory.oom_control",
        mount / "memory" / "memory.oom_control",
    ]


def _paths(membership: Path) -> dict[str, str]:
    """The path of each controller; the one hierarchy of version 2 has no name."""
    try:
        rows = [line.split(":", 2) for line in membership.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return {}
    return {name: path for _, names, path in rows for name in names.split(",")}
