"""The bundle, the stock W&B agent and a real server together: a sweep's life as one container sees it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from ports import reserved_port

PROJECT = "lab"
WRAPPED = ["wandbsweep", "trial", "${args_json}", "--", "${env}", "${interpreter}", "${program}", "$${args_no_hyphens}"]

LEARNING_RATES = [1e-05, 0.1, 3.0]

TRAINS = """
import json, sys, wandb
given = dict(word.split("=", 1) for word in sys.argv[1:])
with wandb.init() as run:
    with open(f"given-{run.id}.json", "w") as file: json.dump(given, file)
    print("training with", given)
    run.log({"reward": float(given["lr"])})
"""

FAILS = "import sys\nprint('no GPU', file=sys.stderr)\nsys.exit(3)\n"

IGNORES_SIGTERM = """
import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("ready").write_text(str(os.getpid()))
while True: time.sleep(0.1)
"""

SAVES_ON_SIGTERM = """
import os, pathlib, signal, sys, time
def save(*_):
    pathlib.Path("saved").touch()
    sys.exit(1)
signal.signal(signal.SIGTERM, save)
pathlib.Path("ready").write_text(str(os.getpid()))
while True: time.sleep(0.1)
"""

# Two agent ticks of 5 s for each run, on a machine that does other things too.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def sweep(server):
    """A grid over three learning rates; the sweep's path."""
    config = {
        "program": "train.py",
        "method": "grid",
        "metric": {"name": "reward", "goal": "maximize"},
        "parameters": {"lr": {"values": LEARNING_RATES}},
        "command": WRAPPED,
    }
    return server.create_sweep(PROJECT, yaml.safe_dump(config))


@pytest.fixture
def agent(server, runtime, environ, spawn, observe, tmp_path):
    """Starts an agent's main process in a folder with the given trainer."""

    def start(sweep, trainer=TRAINS, **variables):
        (tmp_path / "train.py").write_text(trainer)
        environ.update(
            {
                "WANDBSWEEP_SWEEP": sweep,
                "WANDBSWEEP_PYTHON": sys.executable,
                "WANDB_BASE_URL": server.url,
                "WANDB_API_KEY": server.api_key,
                "WANDB_DISABLE_GIT": "true",
                "WANDB_X_DISABLE_STATS": "true",
                **variables,
            }
        )
        return observe(spawn([runtime / "bin" / "wandbsweep-agent"], environ))

    return start


def runs_of(server, sweep):
    query = """
    query SweepWithRuns($entity: String, $project: String, $sweep: String!, $specs: [JSONString!]!) {
        project(name: $project, entityName: $entity) {
            sweep(sweepName: $sweep) { runs { edges { node {
                name state config sampledHistory(specs: $specs)
            } } } }
        }
    }
    """
    entity, project, name = sweep.split("/")
    variables = {"entity": entity, "project": project, "sweep": name, "specs": ["{}"]}
    answer = server.graphql(query, variables)
    return [edge["node"] for edge in answer["project"]["sweep"]["runs"]["edges"]]


def node_id(server, sweep):
    query = """
    query GetSweep($entity: String, $project: String, $sweep: String!) {
        project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { id } }
    }
    """
    entity, project, name = sweep.split("/")
    answer = server.graphql(query, {"entity": entity, "project": project, "sweep": name})
    return answer["project"]["sweep"]["id"]


def set_state(server, sweep, state):
    mutation = """
    mutation UpsertSweep($id: ID, $state: String) {
        upsertSweep(input: {id: $id, state: $state}) { sweep { name } }
    }
    """
    server.graphql(mutation, {"id": node_id(server, sweep), "state": state})


def test_a_grid_is_run_to_its_end_with_the_sampled_values(server, sweep, agent, tmp_path):
    pod = agent(sweep)
    assert pod.exit_code(150) == 0, pod.log
    runs = runs_of(server, sweep)
    assert [run["state"] for run in runs] == ["finished"] * 3
    recorded = {run["name"]: json.loads(run["config"])["lr"]["value"] for run in runs}
    assert sorted(recorded.values()) == LEARNING_RATES
    for name, value in recorded.items():
        given = json.loads((tmp_path / f"given-{name}.json").read_text())["lr"]
        assert (float(given), type(json.loads(given))) == (value, float)
    assert pod.last_words["runs"] == {"finished": 3, "failed": 0, "stopped": 0, "preempted": 0}
    assert pod.log.count("training with") == 3
    assert server.api_key not in pod.log


def test_runs_per_agent_ends_the_agent_and_not_the_sweep(server, sweep, agent):
    pod = agent(sweep, WANDBSWEEP_RUNS_PER_AGENT="1")
    assert pod.exit_code(60) == 0, pod.log
    assert [run["state"] for run in runs_of(server, sweep)].count("finished") == 1


def test_a_trainer_that_always_fails_ends_the_agent_as_failed(sweep, agent):
    pod = agent(sweep, FAILS)
    assert pod.exit_code(120) == 21, pod.log
    assert pod.last_words["runs"]["failed"] == 3
    assert "with exit code 3" in pod.last_words["message"]
    assert pod.last_words["message"].endswith("no GPU")
    assert pod.log.count("\nno GPU\n") == 3


@pytest.mark.parametrize("project", [PROJECT, "nosuch"])
def test_an_unknown_sweep_is_gone(server, agent, project):
    pod = agent(f"{server.entity}/{project}/nosuch12")
    assert pod.exit_code(60) == 22, pod.log
    assert pod.last_words["reason"] == "SweepGone"


@pytest.mark.parametrize("key", ["f" * 40, "short", "bad key with spaces" + "x" * 40, ""])
def test_a_key_that_is_not_accepted_is_told_apart(sweep, agent, key):
    pod = agent(sweep, WANDB_API_KEY=key)
    assert pod.exit_code(60) == 24, pod.log
    assert "API key" in pod.last_words["message"]


def test_a_server_that_is_down_is_told_apart(sweep, agent):
    with reserved_port() as port:
        pod = agent(sweep, WANDB_BASE_URL=f"http://127.0.0.1:{port}", WANDB_HTTP_TIMEOUT="3")
        assert pod.exit_code(60) == 23, pod.log
    assert pod.last_words["message"].startswith(f"http://127.0.0.1:{port} did not answer as it should")


def test_an_idle_agent_leaves_within_three_seconds(sweep, agent, eventually):
    pod = agent(sweep)
    eventually(lambda: "Running runs: []" in pod.log, timeout=60)
    pod.stop()
    assert pod.seconds_to_end() < 3
    assert pod.exit_code() == 20, pod.log


def test_an_agent_between_two_runs_leaves_within_three_seconds(sweep, agent, eventually, environ):
    """After its first run the stock agent catches SIGTERM itself."""
    outcomes = Path(environ["WANDBSWEEP_HOME"]) / "outcomes"
    pod = agent(sweep)
    eventually(lambda: list(outcomes.glob("*.json")), timeout=60)
    pod.stop()
    assert pod.seconds_to_end() < 3
    assert pod.exit_code() == 20, pod.log


def test_sigterm_during_training_reaches_the_trainer(sweep, agent, eventually, tmp_path):
    pod = agent(sweep, SAVES_ON_SIGTERM)
    eventually(pod.ready_pid, timeout=60)
    pod.stop()
    assert pod.exit_code() == 20, pod.log
    assert (tmp_path / "saved").exists()
    assert pod.last_words["runs"] == {"finished": 0, "failed": 0, "stopped": 0, "preempted": 1}


def test_a_cancelled_sweep_ends_even_a_trainer_that_ignores_sigterm(server, sweep, agent, eventually, alive):
    """The stock agent kills the launcher only; the trainer must not keep the GPU."""
    pod = agent(sweep, IGNORES_SIGTERM, WANDB_AGENT_KILL_DELAY="1")
    eventually(pod.ready_pid, timeout=60)
    set_state(server, sweep, "CANCELED")
    assert pod.exit_code(60) == 0, pod.log
    assert not alive(pod.ready_pid())


def test_an_agent_that_comes_after_the_end_is_done(server, sweep, agent):
    set_state(server, sweep, "FINISHED")
    pod = agent(sweep)
    assert pod.exit_code(60) == 0, pod.log


def test_a_sweep_that_is_deleted_under_an_idle_agent_is_gone(server, sweep, agent, eventually):
    set_state(server, sweep, "PAUSED")
    pod = agent(sweep)
    eventually(lambda: "Running runs: []" in pod.log, timeout=60)
    mutation = "mutation DeleteSweep($id: ID!) { deleteSweep(input: {id: $id}) { success } }"
    server.graphql(mutation, {"id": node_id(server, sweep)})
    assert pod.exit_code(60) == 22, pod.log
