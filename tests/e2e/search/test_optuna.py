"""W&B's own scheduler key with engine optuna: searched by a pod of the pool's own, in the operator's image."""

from __future__ import annotations

import pytest

from scripted import PROGRAM, a_sweep, give_trainer, until_over
from search_pods import SearchPod
from trainings import runs_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TRAINER = """
import argparse, wandb
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--layers", type=int)
arguments = parser.parse_args()
with wandb.init() as run:
    run.log({"loss": (arguments.rate - 0.3) ** 2 + arguments.layers})
"""
SEARCHED_BY_OPTUNA = {
    "method": "custom",
    "scheduler": {"engine": "optuna"},
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "rate": {"distribution": "uniform", "min": 0.0, "max": 1.0},
        "layers": {"values": [1, 2, 3]},
    },
    "command": ["python", PROGRAM, "${args}"],
}


def test_a_sweep_with_the_scheduler_key_has_as_many_runs_as_its_cap_says(installed, robots):
    give_trainer(installed, robots, "train", TRAINER)
    manifest = a_sweep(robots, "tree", "train", agentCount=2, maxRuns=6, sweep=SEARCHED_BY_OPTUNA)
    search = SearchPod(installed, robots, "tree")

    installed.apply(robots, manifest)
    search.until_ready()
    status = until_over(installed, robots, "tree")

    runs = runs_of(installed, status)
    assert status["phase"] == "Succeeded", status
    assert [run.state for run in runs] == ["finished"] * 6
    assert all(0 <= run.config["rate"] <= 1 and run.config["layers"] in {1, 2, 3} for run in runs)
    assert status["best"]["value"] == min((run.config["rate"] - 0.3) ** 2 + run.config["layers"] for run in runs)
    assert search.condition["reason"] == "SweepOver"
