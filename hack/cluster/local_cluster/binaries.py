"""Finds the programs of a cluster: in the cache, among the official releases, or by building them from Go modules."""

from __future__ import annotations

import os
import shutil
from enum import StrEnum
from typing import TYPE_CHECKING

from local_cluster.folders import locked
from local_cluster.go_build import build_all, build_pause
from local_cluster.releases import ReleasesUnreachableError, download_all
from local_cluster.versions import KUBERNETES, PROGRAMS, binaries_folder

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.progress import Progress


class Source(StrEnum):
    """Where programs that are not in the cache come from."""

    AUTO = "auto"
    RELEASES = "releases"
    MODULES = "modules"


def ensure_binaries(progress: Progress, source: Source = Source.AUTO) -> Path:
    """The folder with all programs. Whoever comes second waits for the first and finds them done."""
    folder = binaries_folder()
    if _complete(folder):
        return folder
    with locked(folder.with_name(f".{folder.name}.lock")):
        if not _complete(folder):
            _make(folder, progress, source)
    return folder


def _complete(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in PROGRAMS)


def _make(folder: Path, progress: Progress, source: Source) -> None:
    """Make the programs aside and move them to their place at once, so that a folder in the cache is complete."""
    aside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        _fill(aside, progress, source)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    progress.say(f"the programs of Kubernetes {KUBERNETES} are in {folder}")


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
