"""The pages for those who come from another system: their commands run, on that system's own files."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs/coming-from"
VERBATIM = ROOT / "tests/systems"

# Where the pages have the files of each system.
FILES = {
    "interactive-navigation": {"sweep.yaml": "sweep.yaml"},
    "agile": {"sweep.yaml": "sweep.yaml"},
    "robomimic": {"base.json": "base.json", "hyperparam_helper.py": "hyperparam_helper.py"},
    "gymnasium-solver": {"config/sweeps/quick_ppo_grid.yaml": "quick_ppo_grid.yaml"},
    "metta": {"configs/sweep/quick.yaml": "quick.yaml"},
}


def commands_of(page: str) -> list[list[str]]:
    """The commands that run on any machine; what kubectl or make would do with their output is left to other tests."""
    text = re.sub(r"\\\n\s+", "", page)
    lines = [line.strip().partition("  #")[0] for line in re.findall(r"^    (.*)$", text, flags=re.MULTILINE)]
    words = [shlex.split(line.partition(" | kubectl")[0]) for line in lines]
    return [command for command in words if command and command[0] in ("wandbsweep", "python")]


@pytest.mark.parametrize("system", FILES)
def test_every_command_of_a_page_runs_on_the_systems_own_files(system: str, tmp_path: Path) -> None:
    for there, here in FILES[system].items():
        (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(VERBATIM / system / here, tmp_path / there)
    commands = commands_of((PAGES / f"{system}.md").read_text())

    for program, *arguments in commands:
        command = [sys.executable, *(["-m", "wandbsweep"] if program == "wandbsweep" else []), *arguments]
        done = subprocess.run(command, cwd=tmp_path, check=False, text=True, capture_output=True)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

    assert len(commands) >= 2


@pytest.mark.parametrize("system", FILES)
def test_every_page_is_listed_and_shows_a_table_of_what_becomes_of_what(system: str) -> None:
    assert f"({system}.md)" in (PAGES / "README.md").read_text()
    assert "| there | here |" in (PAGES / f"{system}.md").read_text()
