"""Where this tool keeps things: what can be made again in the user's cache, clusters in the user's state folder."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def cache_folder() -> Path:
    """Binaries and toolchains: safe to delete while no cluster is up."""
    return _xdg("XDG_CACHE_HOME", ".cache") / "wandbsweep" / "cluster"


def clusters_folder() -> Path:
    """One folder for each cluster, named like it."""
    return _xdg("XDG_STATE_HOME", ".local/state") / "wandbsweep" / "clusters"


def _xdg(variable: str, default: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG rules say that a relative path is to be ignored.
    return Path(value) if value.startswith("/") else Path.home() / default


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that vanishes with the process. The file goes with the last holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(descriptor, path):
            break
        os.close(descriptor)  # the holder before us removed this file: a later comer would lock another one
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
