"""The scan of robomimic's tutorial, written by the tutorial's own script, under deaths of operator and search."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from installed import a_namespace
from scripted import until_over
from search_pods import SearchPod
from trainings import IMAGE, VERBATIM, file_of, in_the_pod_of_the_example, runs_of
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SYSTEM = "robomimic"
TUTORIAL = VERBATIM / SYSTEM
FIXED = {"algo.rnn.enabled": True, "train.seq_length": 10, "algo.rnn.horizon": 10}
KEYS = {
    "plr": "algo.optim_params.policy.learning_rate.initial",
    "gmm": "algo.gmm.enabled",
    "rnnd": "algo.rnn.hidden_dim",
    "mlp": "algo.actor_layer_dims",
}


def trials_of_the_tutorial():
    """Short name by short name the value and what stands for it, in the order of the tutorial's loops."""
    for plr in (0.001, 0.0001):
        for gmm, said in ((True, "t"), (False, "f")):
            for dim, layers, mlp in ((400, [1024, 1024], "1024"), (1000, [], "0")):
                yield {"plr": (plr, plr), "gmm": (gmm, said), "rnnd": (dim, dim), "mlp": (layers, mlp)}


def name_of(trial):
    return "_".join(["bc_rnn_hyper", *(f"{short}_{shown}" for short, (_, shown) in trial.items())])


def file_of_the_original(trial):
    """What ConfigGenerator writes for a trial."""
    config = json.loads((TUTORIAL / "base.json").read_text())
    values = {**FIXED, **{KEYS[short]: value for short, (value, _) in trial.items()}}
    for key, value in values.items():
        *sections, last = key.split(".")
        section = config
        for name in sections:
            section = section[name]
        section[last] = value
    config["experiment"]["name"] = name_of(trial)
    shown = [shown for _, shown in trial.values()]
    config["meta"] = {"hp_base_config_file": "base.json", "hp_keys": list(trial), "hp_values": shown}
    return json.dumps(config, indent=4)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """The manifest that the script wrote, for three agents."""
    file = tmp_path_factory.mktemp("tutorial") / "scan.yaml"
    script = [str(TUTORIAL / "hyperparam_helper.py"), "--config", "base.json", "--script", str(file)]
    subprocess.run(
        [sys.executable, *script],
        cwd=TUTORIAL,
        check=True,
        env={**os.environ, "WANDBSWEEP_IMAGE": IMAGE, "WANDB_PROJECT": "bc_rnn_hyper"},
    )
    manifest = yaml.safe_load(file.read_text())
    manifest["spec"]["agentCount"] = 3
    return in_the_pod_of_the_example(manifest, SYSTEM)


@pytest.fixture(scope="module")
def scanned(installed, scan):
    """The status of the scan once it is over, its runs by name, and the file that each of them read."""
    with a_namespace(installed) as robots:
        name = scan["metadata"]["name"]
        installed.apply(robots, scan)
        search = SearchPod(installed, robots, name)
        search.until_ready()
        until(lambda: _states(installed, robots, name) & {"running", "finished"}, "a trial runs", seconds=240)
        search.kill_process()  # six of the eight are handed out, two for each agent
        _until_finished(installed, robots, name, 2)
        installed.kill_operator()
        search.until_ready()
        status = until_over(installed, robots, name, seconds=400)

        runs = runs_of(installed, status)
        files = {run.display_name: file_of(installed, status, run, f"{run.display_name}.json") for run in runs}
        yield status, runs, files


def _states(installed, namespace, sweep):
    return {run.state for run in runs_of(installed, installed.sweep(namespace, sweep))}


def _until_finished(installed, namespace, sweep, runs):
    def finished():
        return installed.sweep(namespace, sweep).get("runs", {}).get("finished", 0) >= runs

    until(finished, f"{runs} runs finished", seconds=400, every=1)


def test_the_names_are_those_of_the_tutorial():
    assert [name_of(trial) for trial in trials_of_the_tutorial()] == re.findall(
        r"/(\w[\w.]*)\.json", (TUTORIAL / "out.sh").read_text()
    )


def test_each_trial_ran_once_under_its_name(scanned):
    status, runs, _ = scanned

    assert status["phase"] == "Succeeded", status
    assert sorted(run.display_name for run in runs) == sorted(map(name_of, trials_of_the_tutorial()))
    assert [run.state for run in runs] == ["finished"] * 8
    assert status["runs"]["summary"] == "8/8"


def test_each_trial_read_the_file_that_config_generator_writes(scanned):
    _, _, files = scanned

    for trial in trials_of_the_tutorial():
        assert files[name_of(trial)].decode() == file_of_the_original(trial)


def test_the_swept_values_are_in_the_config_of_each_run(scanned):
    _, runs, _ = scanned
    by_name = {run.display_name: run for run in runs}

    for trial in trials_of_the_tutorial():
        run = by_name[name_of(trial)]
        assert {short: run.config[short] for short in trial} == {short: shown for short, (_, shown) in trial.items()}
        assert run.parsed == json.loads(file_of_the_original(trial))
