"""A search by stages beside agents, on the embedded server, stopped on the way."""

import signal
from collections import Counter

import pytest
import yaml

from unit.search.quick_agents import QuickAgents, runs_of, state_of
from waiting import until
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.wandb_config import wandb_config

STAGES = {
    "program": "train.py",
    "method": "stages",
    "name": "hop",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"distribution": "log_uniform_values", "min": 0.0001, "max": 1.0}},
    "stages": [{"method": "grid", "points": 5}, {"method": "random", "run_cap": 4, "best": 2}],
}


def a_sweep(server, folder):
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump(STAGES, sort_keys=False))
    config = wandb_config(
        read_definition(STAGES, field="spec.sweep"),
        display_name="hop",
        uid="1",
        token="1-a",
        max_runs=None,
        runs_per_agent=None,
        agent_count=2,
    )
    return server.create_sweep("stages", yaml.safe_dump(config, sort_keys=False)), str(file)


@pytest.mark.timeout(150)  # two processes start, one after the other
def test_a_search_that_is_stopped_between_stages_and_started_anew_ends_them_all(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path)

    def the_seventh_fails(number):
        return (1, {}) if number == 6 else (0, {"loss": 1.0 + number})

    def ended():
        return sum(run["state"] in ("finished", "failed") for run in runs_of(wandb_server, path))

    with QuickAgents(wandb_server, path, 5, the_seventh_fails):
        first = searches.start(path, "--file", file, "--agents", "5")
        until(lambda: ended() >= 5, "the grid is done", seconds=40)
        first.send(signal.SIGTERM)
        first.code()
        second = searches.start(path, "--file", file, "--agents", "5")

        assert second.code(seconds=80) == 0

    runs = runs_of(wandb_server, path)
    stages = Counter((run["config"]["wandbsweep"]["stage"], run["state"]) for run in runs)
    assert stages == {(0, "finished"): 5, (1, "finished"): 4, (1, "failed"): 1}
    assert sorted(run["config"]["wandbsweep"]["name"] for run in runs) == [f"hop.r.{number}" for number in range(10)]
    assert sorted(run["config"]["lr"] for run in runs if run["config"]["wandbsweep"]["stage"] == 0) == [
        0.0001, 0.001, 0.01, 0.1, 1.0
    ]  # fmt: skip
    assert state_of(wandb_server, path) == "FINISHED"
    assert "stage 2 of 2 (random)" in first.log + second.log
