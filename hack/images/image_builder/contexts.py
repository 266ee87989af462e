"""Puts together the build context of an image: all that its Dockerfile copies, and nothing else."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from image_builder.wheels import locked_wheels, package_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from image_builder.catalogue import Image
    from image_builder.steps import Steps

# Builders compare times as well as content to find a layer again: all files get the same one.
_TIME = 1577836800


def make_context(image: Image, *, root: Path, cache: Path, folder: Path, steps: Steps) -> None:
    """Fill an empty folder with Dockerfile, wheels/, package/ and the image's own files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy2(root / image.dockerfile, folder / "Dockerfile")
    shutil.copytree(locked_wheels(root / image.lock, cache, steps), folder / "wheels")
    for destination, source in image.files.items():
        _copy(root / source, folder / destination)
    if image.holds_package:
        package_wheel(root, folder / "package", steps)
    _level_times(folder)


def _copy(source: Path, destination: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, destination, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, destination)


def _level_times(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (_TIME, _TIME))
