"""The few programs that this tool needs on the machine: installed where that is possible, named where not."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from image_builder.failures import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from image_builder.steps import Steps

_REMEDY = "Check the machine's apt sources and its network, then run the command again."


def ensure_programs(programs: Sequence[str], *, why: str, steps: Steps) -> None:
    """Install Debian packages of the same names as the programs that are missing."""
    missing = [program for program in programs if find_program(program) is None]
    if not missing:
        return
    packages = " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise BuildError(
            f"{why}: {packages} not found on this machine",
            remedy=f"Install {packages} (Debian: `sudo apt-get install --no-install-recommends {packages}`), "
            "or start a Docker engine.",
        )
    refresh_package_lists(steps)
    steps.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing],
        what=f"install {packages}",
        remedy=_REMEDY,
        env=_environment(),
    )


def refresh_package_lists(steps: Steps) -> None:
    steps.run(["apt-get", "update", "-q"], what="refresh the package lists", remedy=_REMEDY, env=_environment())


def _environment() -> dict[str, str]:
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}


def find_program(program: str) -> str | None:
    """Look in the folders for administrators too: a user's PATH often lacks them."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
