"""The five systems' own examples at the command line: sound ones pass, wrong ones are told what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from wandbsweep.sweep.texts.kubernetes import load_manifests

ROOT = Path(__file__).resolve().parents[3]
VERBATIM = ROOT / "tests/systems"
SOUND = {
    "interactive-navigation": "sweep.yaml",
    "agile": "sweep.yaml",
    "gymnasium-solver": "quick_ppo_grid.yaml",
    "metta": "quick.yaml",
}


def run(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wandbsweep", *arguments]
    return subprocess.run(command, check=False, text=True, capture_output=True, input=text)


def findings_in(*files: str, text: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("lint", "--format", "json", *files, text=text).stdout)
    return found


def a_definition(part: str, *lines: str) -> str:
    """A page's piece of a definition with what it leaves out."""
    return "\n".join([(VERBATIM / "gymnasium-solver" / part).read_text(), *lines, ""])


@pytest.mark.parametrize(("system", "file"), SOUND.items())
def test_a_sound_example_raises_no_finding(system: str, file: str) -> None:
    assert findings_in(str(VERBATIM / system / file)) == []


@pytest.mark.parametrize(("system", "file"), SOUND.items())
def test_convert_puts_an_example_into_an_object_word_for_word(system: str, file: str) -> None:
    done = run("convert", str(VERBATIM / system / file), "--image", "lab/trainer:1", "--project", "lab")
    assert done.returncode == 0, done.stderr
    (manifest,) = load_manifests(done.stdout)
    written = yaml.safe_load((ROOT / "examples" / system / "sweep.yaml").read_text())["spec"]["sweep"]
    # The example's entity is its reader's own, and the cluster's server has no such team.
    assert {key: value for key, value in manifest["spec"]["sweep"].items() if key != "entity"} == written


@pytest.mark.parametrize(
    ("part", "missing", "field"),
    [
        ("random_search.yaml", ("program: train.py", "run_cap: 20"), "parameters.learning_rate"),
        ("bayesian_optimization.yaml", ("program: train.py", "run_cap: 20"), "parameters.learning_rate"),
        (
            "schedule.yaml",
            ("method: random", "program: train.py", "run_cap: 20", "command: [python, train.py, --wandb_sweep]"),
            "parameters.policy_lr.parameters.start",
        ),
    ],
)
def test_an_example_that_gives_log_uniform_its_bounds_is_told_so(part: str, missing: tuple[str, ...], field: str):
    (finding,) = findings_in("-", text=a_definition(part, *missing))
    assert (finding["rule"], finding["field"]) == ("log-uniform-exponents", field)
    assert "1 to 1.01" in finding["message"]
    assert "log_uniform_values" in finding["remedy"]


def test_the_grid_of_a_page_is_sound_once_it_has_a_program() -> None:
    assert findings_in("-", text=a_definition("grid_search.yaml", "program: train.py")) == []


def test_a_part_without_its_program_is_told_what_it_lacks() -> None:
    (finding,) = findings_in("-", text=a_definition("grid_search.yaml"))
    assert (finding["rule"], finding["field"]) == ("missing-key", "program")
