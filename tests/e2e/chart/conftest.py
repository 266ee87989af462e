from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from charts import rendered

if TYPE_CHECKING:
    from collections.abc import Callable

    from charts import Manifest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def helm() -> str:
    """The helm that HELM names, or the one of the cluster tool, or the one on the PATH."""
    if given := os.environ.get("HELM"):
        return given
    asked = subprocess.run(
        [sys.executable, ROOT / "hack/cluster", "path", "helm"], capture_output=True, text=True, check=False
    )
    found = asked.stdout.strip() if asked.returncode == 0 else shutil.which("helm")
    if not found:
        pytest.fail("helm is missing: run `python hack/cluster binaries`, or set HELM to the program's path")
    return found


@pytest.fixture(scope="session")
def render(helm: str) -> Callable[..., list[Manifest]]:
    """Render the chart with values given as nested dictionaries."""
    return functools.partial(rendered, helm)
