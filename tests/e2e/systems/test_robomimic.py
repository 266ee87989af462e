"""The scan of robomimic's tutorial, written by the tutorial's own script."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from trainings import IMAGE, VERBATIM, in_the_pod_of_the_example, train, wandbsweep

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SYSTEM = "robomimic"


@pytest.fixture
def scan(tmp_path):
    """The manifest that the script wrote."""
    file = tmp_path / "scan.yaml"
    script = [str(VERBATIM / SYSTEM / "hyperparam_helper.py"), "--config", "base.json", "--script", str(file)]
    subprocess.run(
        [sys.executable, *script],
        cwd=VERBATIM / SYSTEM,
        check=True,
        env={**os.environ, "WANDBSWEEP_IMAGE": IMAGE, "WANDB_PROJECT": "bc_rnn_hyper"},
    )
    return file


def names_of_the_tutorial():
    return re.findall(r"/(\w[\w.]*)\.json", (VERBATIM / SYSTEM / "out.sh").read_text())


def test_its_trials_run_under_their_names_and_each_reads_the_file_that_was_previewed(installed, robots, scan):
    previewed = wandbsweep("preview", str(scan), "-n", "all", "-o", "json")
    trials = {trial["name"]: trial for trial in json.loads(previewed.stdout)}
    manifest = yaml.safe_load(scan.read_text())
    manifest["spec"]["agentCount"] = 3

    runs = train(installed, robots, in_the_pod_of_the_example(manifest, SYSTEM))

    assert list(trials) == names_of_the_tutorial()
    assert sorted(run.display_name for run in runs) == sorted(trials)
    for run in runs:
        (text,) = trials[run.display_name]["files"].values()
        assert run.parsed == json.loads(text)
        assert run.config["scan"]["values"] == trials[run.display_name]["values"]
        for key, value in run.config["scan"]["values"].items():
            assert run.parsed_at(key) == value
