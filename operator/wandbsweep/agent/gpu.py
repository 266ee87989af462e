"""Which GPU and driver this container sees, without a library of NVIDIA's."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROC: Final = Path("/proc/driver/nvidia")
_QUERY: Final = ("--query-gpu=name,driver_version", "--format=csv,noheader")
_SECONDS: Final = 10.0
_VERSION = re.compile(r"\b\d{3,}\.\d+(\.\d+)?\b")
_MODEL = re.compile(r"^Model:\s*(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Gpu:
    """The first GPU of a container, as its driver names it; None: not known."""

    product: str | None = None
    driver: str | None = None


def find_gpu(environ: Mapping[str, str], proc: Path = _PROC) -> Gpu:
    """What the driver shows in /proc, else what nvidia-smi says, else nothing."""
    shown = Gpu(_product(proc), _driver(proc))
    if shown.product and shown.driver:
        return shown
    said = _asked(environ)
    return Gpu(shown.product or said.product, shown.driver or said.driver)


def _product(proc: Path) -> str | None:
    for file in sorted(proc.glob("gpus/*/information")):
        if found := _MODEL.search(_text(file)):
            return found[1]
    return None


def _driver(proc: Path) -> str | None:
    found = _VERSION.search(_text(proc / "version"))
    return found.group() if found else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _asked(environ: Mapping[str, str]) -> Gpu:
    program = shutil.which("nvidia-smi", path=environ.get("PATH"))
    if program is None:
        return Gpu()
    try:
        answer = subprocess.run(
            [program, *_QUERY], capture_output=True, check=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return Gpu()
    name, _, driver = answer.stdout.partition("\n")[0].rpartition(",")
    return Gpu(name.strip() or None, driver.strip() or None)
