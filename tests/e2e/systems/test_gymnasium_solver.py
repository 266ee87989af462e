"""gymnasium-solver's grid, as its page gives it, and a schedule of two values under one parameter."""

from __future__ import annotations

import pytest

from trainings import VERBATIM, converted, in_the_pod_of_the_example, train

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SYSTEM = "gymnasium-solver"
FLAGS = ("--agents", "2", "--runs-per-agent", "2", "--max-runs", "3")


def test_what_its_trainer_merged_is_what_the_grid_handed_out(installed, robots):
    manifest = converted(str(VERBATIM / SYSTEM / "quick_ppo_grid.yaml"), *FLAGS)

    runs = train(installed, robots, in_the_pod_of_the_example(manifest, SYSTEM))

    assert len(runs) == 3
    for run in runs:
        for name in manifest["spec"]["sweep"]["parameters"]:
            assert run.parsed[name] == run.config[name]


def test_a_nested_schedule_arrives_as_one_mapping(installed, robots):
    manifest = converted(str(VERBATIM / SYSTEM / "quick_ppo_grid.yaml"), *FLAGS)
    start = {"min": 0.0001, "max": 0.01, "distribution": "log_uniform_values"}
    end = {"min": 0.0, "max": 0.001, "distribution": "uniform"}
    parameters = {"policy_lr": {"parameters": {"start": start, "end": end}}}
    manifest["spec"]["sweep"] |= {"method": "random", "parameters": parameters}
    manifest["spec"] |= {"maxRuns": 2}

    runs = train(installed, robots, in_the_pod_of_the_example(manifest, SYSTEM))

    assert len(runs) == 2
    for run in runs:
        assert set(run.config["policy_lr"]) == {"start", "end"}
        assert run.parsed["policy_lr"] == run.config["policy_lr"]
