"""`wandbsweep search` beside agents, on the embedded server, with the unpatched SDK."""

from __future__ import annotations

import json
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from unit.search.quick_agents import QuickAgents, runs_of, state_of
from waiting import until
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.wandb_config import wandb_config

if TYPE_CHECKING:
    from pathlib import Path

    from servers import RunningServer

pytestmark = pytest.mark.timeout(180)  # wandb-core polls every five seconds, and a busy machine does not

OPTUNA = {
    "program": "train.py",
    "method": "custom",
    "scheduler": {"engine": "optuna"},
    "metric": {"name": "loss", "goal": "minimize"},
    "run_cap": 5,
    "parameters": {"lr": {"distribution": "log_uniform_values", "min": 0.001, "max": 0.1}},
}
SCAN = {
    "program": "train.py",
    "method": "scan",
    "name": "rates",
    "parameters": {"lr": {"name": "lr", "group": 0, "values": [10.0**-n for n in range(8)]}},
}


PROTEIN = {
    "program": "train.py",
    "method": "protein",
    "name": "hunt",
    "metric": {"name": "score", "goal": "maximize"},
    "run_cap": 5,
    "parameters": {"lr": {"distribution": "log_normal", "min": 0.001, "max": 0.1}},
    "protein": {"cost_key": "price"},
}


def finishes(_: int) -> tuple[int, dict[str, Any]]:
    return 0, {"loss": 0.5}


def a_sweep(server: RunningServer, folder: Path, definition: dict[str, Any], project: str) -> tuple[str, str]:
    """The path of a new sweep, and the file of its definition."""
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump(definition, sort_keys=False))
    config = wandb_config(
        read_definition(definition, field="spec.sweep"),
        display_name="sweep",
        uid="1",
        token="1-a",
        max_runs=definition.get("run_cap"),
        runs_per_agent=None,
        agent_count=2,
    )
    return server.create_sweep(project, yaml.safe_dump(config, sort_keys=False)), str(file)


def test_five_runs_mean_five_whichever_fail_and_however_many_agents_there_are(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, OPTUNA, "cap")

    def every_third_fails(number: int) -> tuple[int, dict[str, Any]]:
        return (1, {}) if number % 3 == 0 else finishes(number)

    with QuickAgents(wandb_server, path, 3, every_third_fails):
        search = searches.start(path, "--file", file, "--agents", "3")

        assert search.code() == 0

    states = Counter(run["state"] for run in runs_of(wandb_server, path))
    assert states["finished"] == 5
    assert set(states) == {"finished", "failed"}
    assert state_of(wandb_server, path) == "FINISHED"
    assert search.last_words["reason"] == "Done"
    assert not search.is_ready


def test_the_results_of_the_last_runs_are_recorded_too(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, PROTEIN, "last")

    with QuickAgents(wandb_server, path, 2, lambda number: (0, {"score": float(number), "price": 1.0 + number})):
        search = searches.start(path, "--file", file, "--agents", "2")

        assert search.code() == 0

    runs = runs_of(wandb_server, path)
    assert [run["summary"].get("protein.state") for run in runs] == ["success"] * 5
    assert [run["tags"] for run in runs] == [["protein:front"]] * 5
    assert sorted(run["config"]["wandbsweep"]["name"] for run in runs) == [f"hunt.r.{n}" for n in range(5)]


def test_a_search_goes_on_after_wandb_was_away(searches, tmp_path, wandb_server):
    path, file = a_sweep(wandb_server, tmp_path, OPTUNA, "outage")
    search = searches.start(path, "--file", file, "--agents", "2")
    until_there_are(2, wandb_server, path, "runs wait for both agents")

    wandb_server.kill()
    search.says("could not be renewed")
    wandb_server.start()

    with QuickAgents(wandb_server, path, 2, finishes):
        assert search.code() == 0
    assert [run["state"] for run in runs_of(wandb_server, path)] == ["finished"] * 5


def test_runs_without_the_sweeps_metric_use_the_budget(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, OPTUNA, "silent")

    with QuickAgents(wandb_server, path, 3, lambda _: (0, {})):
        search = searches.start(path, "--file", file, "--agents", "3")

        assert search.code() == 0

    assert [run["state"] for run in runs_of(wandb_server, path)] == ["finished"] * 5


def test_as_many_runs_are_in_flight_as_there_are_agents_now(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, {**OPTUNA, "run_cap": 50}, "agents")
    count = tmp_path / "agent-count"
    count.write_text("2")

    searches.start(path, "--file", file, WANDBSWEEP_AGENT_COUNT_FILE=str(count))

    until_there_are(2, wandb_server, path, "two runs wait for two agents")
    count.write_text("4")
    until_there_are(4, wandb_server, path, "two more wait once there are four")


def test_a_search_that_is_asked_to_end_goes_on_elsewhere_and_nothing_is_tried_twice(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, SCAN, "drain")
    first = searches.start(path, "--file", file, "--agents", "2")
    until_there_are(4, wandb_server, path, "two runs wait for each of two agents")
    assert first.is_ready

    first.send(signal.SIGTERM)

    assert first.code() == 20
    assert first.last_words["reason"] == "Drained"
    assert not first.is_ready
    with QuickAgents(wandb_server, path, 2, finishes):
        assert searches.start(path, "--file", file, "--agents", "2").code() == 0
    assert_each_cell_once(runs_of(wandb_server, path))


def test_of_two_searches_one_waits_until_the_other_has_given_up_its_lease(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, SCAN, "two")
    first = searches.start(path, "--file", file, "--agents", "2")
    first.says("ready")
    second = searches.start(path, "--file", file, "--agents", "2")
    second.says("another search leads")
    assert not second.is_ready

    first.send(signal.SIGTERM)

    with QuickAgents(wandb_server, path, 2, finishes):
        assert second.code() == 0
    assert_each_cell_once(runs_of(wandb_server, path))
    assert "suggest" in second.log


def test_a_search_that_is_killed_is_followed_by_one_that_waits(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, SCAN, "killed")
    first = searches.start(path, "--file", file, "--agents", "2")
    until_there_are(4, wandb_server, path, "the first hands out runs")
    second = searches.start(path, "--file", file, "--agents", "2")
    second.says("another search leads")

    first.send(signal.SIGKILL)

    with QuickAgents(wandb_server, path, 2, finishes):
        until_there_are(8, wandb_server, path, "the second hands out the others")
    assert_each_cell_once(runs_of(wandb_server, path))


def test_a_paused_sweep_gets_no_runs_until_it_goes_on(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, OPTUNA, "paused")
    set_state(wandb_server, path, "PAUSED")
    search = searches.start(path, "--file", file, "--agents", "2")
    search.says("ready")
    assert runs_of(wandb_server, path) == []

    set_state(wandb_server, path, "RUNNING")

    until_there_are(2, wandb_server, path, "runs wait for both agents")


def test_a_search_whose_sweep_is_canceled_is_done(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, OPTUNA, "canceled")
    search = searches.start(path, "--file", file)
    search.says("ready")

    set_state(wandb_server, path, "CANCELED")

    assert search.code() == 0
    assert search.last_words["reason"] == "Done"


def test_each_suggestion_is_logged_with_its_reason(wandb_server, searches, tmp_path):
    path, file = a_sweep(wandb_server, tmp_path, SCAN, "log")

    search = searches.start(path, "--file", file)

    search.says("suggest rates_lr_1.0: lr=1.0 (trial 1 of 8")


@pytest.fixture
def order() -> str:
    kept = {key: value for key, value in OPTUNA.items() if key != "run_cap"}
    return json.dumps({"engine": "optuna", "name": "o", "definition": kept, "max_runs": 2, "retry_failed": 0})


def test_in_a_pod_a_search_is_told_all_by_its_environment(wandb_server, searches, tmp_path, order):
    path, _ = a_sweep(wandb_server, tmp_path, OPTUNA, "pod")
    count = tmp_path / "agent-count"
    count.write_text("3")
    told = {
        "WANDBSWEEP_SWEEP": path,
        "WANDBSWEEP_SEARCH_ORDER": order,
        "WANDBSWEEP_AGENT_COUNT_FILE": str(count),
        "HOME": "/nonexistent",
        "WANDB_DIR": "/nonexistent",
    }

    with QuickAgents(wandb_server, path, 3, finishes):
        search = searches.start(**told)

        assert search.code() == 0

    assert len(runs_of(wandb_server, path)) == 2
    assert sorted(each.name for each in search.folder.iterdir()) == ["last-words", "log"]


def until_there_are(count: int, server: RunningServer, path: str, what: str) -> None:
    until(lambda: len(runs_of(server, path)) == count, what, seconds=120)


def set_state(server: RunningServer, path: str, state: str) -> None:
    _, project, sweep = path.split("/")
    look = "query($project: String, $sweep: String!) { project(name: $project) { sweep(sweepName: $sweep) { id } } }"
    change = """mutation($id: ID, $project: String, $state: String) {
        upsertSweep(input: {id: $id, projectName: $project, state: $state}) { sweep { state } } }"""
    found = server.graphql(look, {"project": project, "sweep": sweep})["project"]["sweep"]["id"]
    server.graphql(change, {"id": found, "project": project, "state": state})


def assert_each_cell_once(runs: list[dict[str, Any]]) -> None:
    assert sorted(run["config"]["lr"] for run in runs) == sorted(SCAN["parameters"]["lr"]["values"])
