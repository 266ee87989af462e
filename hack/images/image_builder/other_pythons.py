"""Compiled parts of the wandb SDK for Pythons that are not the image's own.

An image brings the SDK to training containers, whose Python is another one. All of it is pure Python, or compiled for
any Python, but for two packages; their compiled parts have the Python's version in their names and lie side by side.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from typing import TYPE_CHECKING, Final

from image_builder.failures import BuildError
from image_builder.lock_file import entries
from image_builder.wheels import download

if TYPE_CHECKING:
    from pathlib import Path

    from image_builder.steps import Steps

PYTHONS: Final = ("3.10", "3.12", "3.13")
"""Those of Isaac Sim 4 and 6, and the one after; Isaac Sim 5 has the image's own."""

COMPILED: Final = ("pydantic-core", "xxhash")
"""What `import wandb` cannot do without. Parts of others only make them faster."""


def compiled_parts(lock: Path, cache: Path, steps: Steps) -> Path:
    """A folder laid out as site-packages, from the cache where it was filled before."""
    pins = "\n".join(entries(lock.read_text(encoding="utf-8"))[name] for name in COMPILED)
    folder = cache / "other-pythons" / hashlib.sha256(f"{pins}{PYTHONS}".encode()).hexdigest()[:16]
    if folder.exists():
        return folder
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for python in PYTHONS:
        wheels = folder.with_suffix(f".{python}")
        wheels.mkdir(exist_ok=True)
        requirements = wheels / "requirements.lock"
        requirements.write_text(pins, encoding="utf-8")
        download(requirements, wheels, steps, python=python, what=f"compiled parts of wandb for Python {python}")
        for wheel in sorted(wheels.glob("*.whl")):
            _unpack(wheel, partial, python)
        shutil.rmtree(wheels)
    partial.rename(folder)
    return folder


def _unpack(wheel: Path, folder: Path, python: str) -> None:
    tag = f".cpython-{python.replace('.', '')}-"
    with zipfile.ZipFile(wheel) as archive:
        parts = [name for name in archive.namelist() if tag in name and name.endswith(".so")]
        if not parts:
            raise BuildError(
                f"{wheel.name} has no compiled part that says it is for Python {python}",
                remedy="Take this package out of COMPILED in hack/images/image_builder/other_pythons.py.",
            )
        archive.extractall(folder, parts)
