"""The layout keeps its promises to Python itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_import_operator_still_means_the_standard_library_at_the_root_of_the_repository():
    where = subprocess.run(
        [sys.executable, "-c", "import operator; print(operator.__file__, operator.add(1, 2))"],
        cwd=ROOT,
        check=True,
        text=True,
        capture_output=True,
    ).stdout

    assert str(ROOT) not in where
    assert where.split()[-1] == "3"
    assert not (ROOT / "operator/__init__.py").exists()


def test_each_command_of_the_command_line_loads_and_explains_itself():
    listing = subprocess.run(
        [sys.executable, "-m", "wandbsweep", "--help"], check=True, text=True, capture_output=True
    ).stdout
    commands = [line.split()[0] for line in listing.partition("Commands:")[2].splitlines() if line.strip()]

    assert {"operator", "server", "agent", "trial", "install", "lint", "crd"} <= set(commands)
    for command in ("operator", "server", "lint", "crd"):
        helped = subprocess.run(
            [sys.executable, "-m", "wandbsweep", command, "--help"], check=True, text=True, capture_output=True
        )
        assert "Usage" in helped.stdout
