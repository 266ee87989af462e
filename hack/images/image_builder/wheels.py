"""Python packages for an image, fetched on the host: pip inside a build needs no network and no CA of the house.

Every file is checked against the hashes of the lock. The few packages that publish only their source are
built into wheels here, once, and must turn out to be pure Python.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from typing import TYPE_CHECKING

from image_builder.catalogue import EPOCH, PYTHON_VERSION
from image_builder.failures import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    from image_builder.steps import Steps

# The C library of the base decides up to which manylinux tag a wheel runs there: Debian 12 has glibc 2.36.
_OLDEST_GLIBC_MINOR, _NEWEST_GLIBC_MINOR = 17, 36


def _pip(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]


def _environment() -> dict[str, str]:
    """Times in archives that pip makes are fixed: the same input, the same wheel."""
    return {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}


def _target_options(python: str) -> list[str]:
    """Ask for files that run in the image, whatever Python runs this tool."""
    machine = platform.machine()
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(_NEWEST_GLIBC_MINOR, _OLDEST_GLIBC_MINOR - 1, -1)]
    tag = "cp" + python.replace(".", "")
    options = ["--python-version", python, "--implementation", "cp"]
    options += [f"--abi={abi}" for abi in (tag, "abi3", "none")]
    options += [f"--platform={name}" for name in (*platforms, f"manylinux2014_{machine}")]
    return options


def locked_wheels(lock: Path, cache: Path, steps: Steps) -> Path:
    """A folder with one wheel for each line of the lock, from the cache where it was filled before."""
    folder = cache / "wheels" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    if folder.exists():
        return folder
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    download(lock, partial, steps, what=f"the packages of {lock.name}")
    for source in sorted({*partial.glob("*.tar.gz"), *partial.glob("*.zip")}):
        _build_pure_wheel(source, partial, steps)
        source.unlink()
    partial.rename(folder)
    return folder


def download(lock: Path, folder: Path, steps: Steps, *, what: str, python: str = PYTHON_VERSION) -> None:
    """Fetch what a lock pins, and check its hashes."""
    steps.run(
        _pip("download", "--require-hashes", "--no-deps", "--dest", folder, "-r", lock, *_target_options(python)),
        what=f"download {what}",
        remedy="Check that pip reaches its package index from this machine, then run the command again.",
        env=_environment(),
    )


def _build_pure_wheel(source: Path, folder: Path, steps: Steps) -> None:
    before = set(folder.glob("*.whl"))
    package_wheel(source, folder, steps)
    built = set(folder.glob("*.whl")) - before
    if not all(wheel.name.endswith("-none-any.whl") for wheel in built):
        raise BuildError(
            f"{source.name} has compiled parts and no published wheel for the image's Python {PYTHON_VERSION}",
            remedy="Pin a version in the lock that has one.",
        )


def package_wheel(source: Path, folder: Path, steps: Steps) -> None:
    """Build one wheel, of a source archive or of a checkout, into the folder."""
    steps.run(
        _pip("wheel", "--no-deps", "--wheel-dir", folder, source),
        what=f"build the wheel of {source.name}",
        remedy="Check that pip reaches its package index (for the build backend), then run the command again.",
        env=_environment(),
    )
