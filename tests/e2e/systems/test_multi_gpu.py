"""Several processes for each trial: torchrun inside a pod, one run on W&B, and policies that agree."""

from __future__ import annotations

import pytest

from trainings import EXAMPLES, train
from wandbsweep.sweep.texts.kubernetes import load_manifests

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_two_processes_train_one_policy_in_one_run(installed, robots):
    (manifest,) = load_manifests((EXAMPLES / "multi-gpu" / "sweep.yaml").read_text())
    manifest["spec"] |= {"maxRuns": 2}

    runs = train(installed, robots, manifest)

    assert len(runs) == 2
    for run in runs:
        assert run.config["processes"] == 2
        assert run.summary["Metrics/spread"] == 0
        assert run.parsed["gamma"] == run.config["agent.algorithm.gamma"]
