"""Puts together the build context of an image: all that its Dockerfile copies, and nothing else."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from image_builder.bill_of_materials import FILE_NAME, write_bill_of_materials
from image_builder.catalogue import EPOCH
from image_builder.lock_file import normal_name, with_all_they_need
from image_builder.origin import Origin, version_of
from image_builder.other_pythons import compiled_parts
from image_builder.wheels import locked_wheels, package_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from image_builder.catalogue import Image
    from image_builder.steps import Steps


def make_context(image: Image, *, root: Path, cache: Path, folder: Path, steps: Steps) -> None:
    """Fill an empty folder with Dockerfile, wheels/ and their list, package/ and the image's own files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    dockerfile = (root / image.dockerfile).read_text(encoding="utf-8")
    (folder / "Dockerfile").write_text(Origin.of(root).as_defaults_of(dockerfile), encoding="utf-8")
    for destination, source in image.files.items():
        _copy(root / source, folder / destination)
    _add_wheels(image, root / image.lock, version=version_of(root), cache=cache, folder=folder, steps=steps)
    if image.brings_wandb:
        shutil.copytree(compiled_parts(root / image.lock, cache, steps), folder / "other-pythons")
    if image.holds_package:
        package_wheel(root, folder / "package", steps)
    _level(folder)


def _add_wheels(image: Image, lock: Path, *, version: str, cache: Path, folder: Path, steps: Steps) -> None:
    wheels = folder / "wheels"
    shutil.copytree(locked_wheels(lock, cache, steps), wheels)
    if image.only:
        wanted = with_all_they_need(lock.read_text(encoding="utf-8"), image.only)
        for wheel in wheels.glob("*.whl"):
            if normal_name(wheel.name.split("-")[0]) not in wanted:
                wheel.unlink()
    write_bill_of_materials(folder / FILE_NAME, name=image.name, version=version, lock=lock, wheels=wheels)


def _copy(source: Path, destination: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, destination, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, destination)


def _level(folder: Path) -> None:
    """The same times and rights whoever checked the files out: builders compare both to find a layer again."""
    for path in (folder, *folder.rglob("*")):
        runs = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if runs else 0o644)
        os.utime(path, (EPOCH, EPOCH))
