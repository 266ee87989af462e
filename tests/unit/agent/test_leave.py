"""An agent that leaves although there are runs left: stock agents and a real server."""

from __future__ import annotations

import json
import sys
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.agent import outcomes
from wandbsweep.agent.causes import Cause
from wandbsweep.agent.leave import Leaving, Lookout, asks_to_leave, failures_in_a_row
from wandbsweep.agent.outcomes import TrialRecord

PROJECT = "lab"

TRAINS_UNTIL_TOLD = """
import os, pathlib, time, wandb
with wandb.init() as run:
    run.log({"reward": 1.0})
    pathlib.Path("ready").write_text(str(os.getpid()))
    while not pathlib.Path("go").exists(): time.sleep(0.05)
"""

FAILS_FROM_1_ON = """
import sys, wandb
rate = float(sys.argv[1].split("=")[1])
with wandb.init() as run:
    run.log({"reward": rate})
    if rate >= 1: sys.exit(1)
"""

# As the stock agent between the answer to its heartbeat and the start of the trial.
IS_GIVEN_A_RUN_AND_NEVER_STARTS_IT = """
import os, pathlib, time
sweep = os.environ["WANDBSWEEP_SWEEP"].rpartition("/")[2]
folder = pathlib.Path(os.environ["WANDB_DIR"], "wandb", "sweep-" + sweep)
folder.mkdir(parents=True)
(folder / ("config-" + os.environ["GIVEN"] + ".yaml")).touch()
pathlib.Path("ready").write_text(str(os.getpid()))
while True: time.sleep(0.1)
"""

AGENT = """mutation($sweep: String!) {
    createAgent(input: {host: "h", sweep: $sweep, projectName: "lab"}) { agent { id } } }"""
HEARTBEAT = 'mutation($id: ID!) { agentHeartbeat(input: {id: $id, runState: "{}"}) { commands } }'
STATE = """mutation($id: ID, $state: String) {
    upsertSweep(input: {id: $id, projectName: "lab", state: $state}) { sweep { state } } }"""
RUNS = """query($entity: String, $project: String, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { runs { edges { node {
        name state config
    } } } } }
}"""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def sweep(server):
    """Creates a grid over these learning rates."""

    def create(*learning_rates):
        config = {
            "program": "train.py",
            "method": "grid",
            "metric": {"name": "reward", "goal": "maximize"},
            "parameters": {"lr": {"values": list(learning_rates)}},
            "command": ["wandbsweep", "trial", "${args_json}", "--", "python", "${program}", "$${args}"],
        }
        return server.create_sweep(PROJECT, yaml.safe_dump(config))

    return create


@pytest.fixture
def states(server):
    """The states of a sweep's runs by learning rate."""

    def read(sweep):
        entity, project, name = sweep.split("/")
        answer = server.graphql(RUNS, {"entity": entity, "project": project, "sweep": name})
        nodes = [edge["node"] for edge in answer["project"]["sweep"]["runs"]["edges"]]
        return {json.loads(node["config"])["lr"]["value"]: node["state"] for node in nodes}

    return read


@pytest.fixture
def leave_file(tmp_path):
    """As Kubernetes shows the annotation: an empty file as long as there is none."""
    path = tmp_path / "leave"
    path.touch()
    return path


@pytest.fixture
def agent(server, runtime, environ, spawn, observe, tmp_path, leave_file):
    """Starts an agent's main process in the folder of the test, a stock agent or what stands for it."""

    def start(sweep, trainer="", **variables):
        (tmp_path / "train.py").write_text(trainer)
        environment = {
            **environ,
            "WANDBSWEEP_SWEEP": sweep,
            "WANDBSWEEP_LEAVE_FILE": str(leave_file),
            "WANDBSWEEP_PYTHON": sys.executable,
            "WANDB_DIR": str(tmp_path),
            "WANDB_BASE_URL": server.url,
            "WANDB_API_KEY": server.api_key,
            "WANDB_DISABLE_GIT": "true",
            "WANDB_X_DISABLE_STATS": "true",
            **variables,
        }
        return observe(spawn([runtime / "bin" / "wandbsweep-agent"], environment))

    return start


def test_a_busy_agent_leaves_after_its_run_and_the_rest_is_run_once_by_others(
    sweep, agent, states, leave_file, eventually, tmp_path
):
    grid = sweep(0.1, 0.2, 0.3)
    pod = agent(grid, TRAINS_UNTIL_TOLD)
    eventually(pod.ready_pid, timeout=90)
    leave_file.write_text("after-run")
    (tmp_path / "go").touch()
    assert pod.exit_code(60) == 0, pod.log
    assert pod.last_words["reason"] == "Done"
    assert pod.last_words["message"].startswith("Left as asked")
    assert states(grid) == {0.1: "finished"}
    leave_file.write_text("")
    other = agent(grid, TRAINS_UNTIL_TOLD)
    assert other.exit_code(150) == 0, other.log
    assert states(grid) == {0.1: "finished", 0.2: "finished", 0.3: "finished"}


def test_an_idle_agent_leaves_at_once(server, sweep, agent, states, leave_file, eventually):
    grid = sweep(0.1)
    server.graphql(STATE, {"id": grid.rpartition("/")[2], "state": "PAUSED"})
    pod = agent(grid)
    eventually(lambda: "Running runs: []" in pod.log, timeout=90)
    leave_file.write_text("after-run\n")
    assert pod.exit_code(10) == 0, pod.log
    assert states(grid) == {}


def test_a_run_that_is_handed_out_in_that_moment_goes_to_another_agent(
    server, sweep, agent, states, leave_file, eventually, tmp_path
):
    grid = sweep(0.1)
    given_run = _next_run(server, grid)
    assert states(grid) == {0.1: "pending"}
    image = tmp_path / "image" / "wandb"
    image.mkdir(parents=True)
    (image / "__init__.py").write_text('__version__ = "0.31.0"\n')
    (image / "__main__.py").write_text(IS_GIVEN_A_RUN_AND_NEVER_STARTS_IT)
    pod = agent(grid, GIVEN=given_run, PYTHONPATH=str(tmp_path / "image"))
    eventually(pod.ready_pid)
    leave_file.write_text("after-run")
    assert pod.exit_code(15) == 0, pod.log
    assert states(grid) == {0.1: "preempted"}
    assert _next_run(server, grid) == given_run


def _next_run(server, grid):
    agent = server.graphql(AGENT, {"sweep": grid.rpartition("/")[2]})["createAgent"]["agent"]["id"]
    (command,) = json.loads(server.graphql(HEARTBEAT, {"id": agent})["agentHeartbeat"]["commands"])
    return command["run_id"]


def test_three_failures_in_a_row_end_an_agent_that_did_well_before(sweep, agent, states):
    grid = sweep(0.1, 1.0, 2.0, 3.0, 4.0, 5.0)
    pod = agent(grid, FAILS_FROM_1_ON)
    assert pod.exit_code(180) == 21, pod.log
    assert states(grid) == {0.1: "finished", 1.0: "failed", 2.0: "failed", 3.0: "failed"}
    assert pod.last_words["runs"]["failed"] == 3
    assert "3" in pod.last_words["message"]


@pytest.mark.parametrize(("text", "asks"), [("after-run", True), ("after-run\n", True), ("", False), ("no", False)])
def test_only_the_agreed_word_makes_an_agent_leave(tmp_path, text, asks):
    (tmp_path / "leave").write_text(text)
    assert asks_to_leave(tmp_path / "leave") is asks


def test_a_file_that_is_not_there_or_no_text_asks_for_nothing(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert not asks_to_leave(tmp_path / "nowhere")
    assert not asks_to_leave(tmp_path / "bytes")
    assert not asks_to_leave(tmp_path)


def test_three_failures_are_noticed_whenever_the_last_one_is_recorded(tmp_path, eventually):
    lookout = Lookout(None, tmp_path)
    for name in ("r1", "r2", "r3"):
        outcomes.begin(tmp_path, name, time.time())
        assert lookout.reason() is None
        outcomes.record(tmp_path, TrialRecord(name, Cause.TRAINER_ERROR, 1, time.time()))
    eventually(lambda: lookout.reason() is Leaving.FAILURES)


INTERRUPTED = [Cause.PREEMPTED, Cause.STOPPED]


@given(st.lists(st.sampled_from(Cause)))
def test_interrupted_runs_neither_count_nor_help(causes):
    told = [cause for cause in causes if cause not in INTERRUPTED]
    assert _in_a_row(causes) == _in_a_row(told)


@given(st.lists(st.sampled_from(Cause)), st.integers(min_value=0, max_value=5))
def test_failures_count_from_the_last_run_that_finished(before, failures):
    assert _in_a_row([*before, Cause.FINISHED, *[Cause.TRAINER_ERROR] * failures]) == failures


def _in_a_row(causes):
    return failures_in_a_row(TrialRecord(f"r{n}", cause, 1, float(n)) for n, cause in enumerate(causes))
