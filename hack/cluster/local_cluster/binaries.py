"""Finds the programs of a cluster: in the cache, among the official releases, or by building them from Go modules."""

from __future__ import annotations

import os
import shutil
from enum import StrEnum
from typing import TYPE_CHECKING

from local_cluster.folders import locked
from local_cluster.go_build import build_all, build_kueue, build_pause
from local_cluster.releases import ReleasesUnreachableError, download_all
from local_cluster.versions import (
    KUBERNETES,
    KUEUE,
    KUEUE_MANAGER,
    PROGRAMS,
    binaries_folder,
    kueue_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from local_cluster.progress import Progress


class Source(StrEnum):
    """Where programs that are not in the cache come from."""

    AUTO = "auto"
    RELEASES = "releases"
    MODULES = "modules"


def ensure_binaries(progress: Progress, source: Source = Source.AUTO) -> Path:
    """The folder with all programs. Whoever comes second waits for the first and finds them done."""
    what = f"the programs of Kubernetes {KUBERNETES}"
    return _ensure(binaries_folder(), PROGRAMS, lambda aside: _fill(aside, progress, source), what, progress)


def ensure_kueue(progress: Progress) -> Path:
    """The folder with Kueue's manager and the objects of its installation. Its releases are images: it is built."""

    def build(aside: Path) -> None:
        build_kueue(aside, ensure_binaries(progress) / "kubectl", progress)

    return _ensure(kueue_folder(), [KUEUE_MANAGER], build, f"Kueue {KUEUE}", progress)


def _ensure(folder: Path, programs: Sequence[str], fill: Callable[[Path], None], what: str, progress: Progress) -> Path:
    def complete() -> bool:
        return all(os.access(folder / program, os.X_OK) for program in programs)

    if complete():
        return folder
    with locked(folder.with_name(f".{folder.name}.lock")):
        if not complete():
            _make(folder, fill)
            progress.say(f"{what}: in {folder}")
    return folder


def _make(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make the programs aside and move them to their place at once, so that a folder in the cache is complete."""
    aside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        fill(aside)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _fill(folder: Path, progress: Progress, source: Source) -> None:
    if source is not Source.MODULES:
        try:
            download_all(folder, progress)
        except ReleasesUnreachableError as error:
            if source is Source.RELEASES:
                raise
            progress.say(f"{error}: building from Go modules instead")
        else:
            build_pause(folder, progress)
            return
    build_all(folder, progress)
