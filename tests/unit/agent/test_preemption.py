"""A pod that has to go in the middle of a run: stock agents, the stock SDK and a real server."""

from __future__ import annotations

import json
import sys
import time

import pytest
import yaml

PROJECT = "lab"
PLACEHOLDER = "${checkpoint_dir}"

# Saves when it is asked to end, and goes on where the file says.
TRAINS = """
import json, os, pathlib, signal, sys, time, wandb
asked = []
def stop(*_):
    asked.append(time.time())
    sys.exit(1)
folder = pathlib.Path(os.environ["WANDBSWEEP_CHECKPOINT_DIR"])
saved = folder / "step"
step = int(saved.read_text()) if saved.exists() else 0
signal.signal(signal.SIGTERM, stop)
try:
    with wandb.init() as run:
        told = {"argv": sys.argv[1:], "resumed": os.environ["WANDBSWEEP_RESUMED"], "run": run.id,
                "lr": run.config["lr"], "resume": os.environ["WANDB_RESUME"], "start": step}
        with open("told.jsonl", "a") as file: print(json.dumps(told), file=file)
        while step < 5 or os.environ.get("FOR_EVER"):
            step += 1
            run.log({"reward": float(step), "at": step})
            pathlib.Path("ready").write_text(str(os.getpid()))
            time.sleep(0.1)
finally:
    saved.write_text(str(step))
    if asked: pathlib.Path("asked").write_text(str(asked[0]))
"""

DIES_AT_ONCE = """
import os, pathlib, time, wandb
with wandb.init() as run:
    run.log({"reward": 1.0})
    pathlib.Path("ready").write_text(str(os.getpid()))
    while os.environ.get("FOR_EVER"): time.sleep(0.1)
"""

IGNORES_SIGTERM = """
import os, pathlib, signal, time, wandb
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with wandb.init() as run:
    run.log({"reward": 1.0})
    pathlib.Path("ready").write_text(str(os.getpid()))
    while os.environ.get("FOR_EVER"): time.sleep(0.1)
"""

NEVER_BEGINS = """
import os, pathlib, time
pathlib.Path("ready").write_text(str(os.getpid()))
while os.environ.get("FOR_EVER"): time.sleep(0.1)
import wandb
wandb.init().finish()
"""

FINISHES_WHEN_ASKED = """
import os, pathlib, signal, sys, time, wandb
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
with wandb.init() as run:
    run.log({"reward": 1.0})
    pathlib.Path("ready").write_text(str(os.getpid()))
    while not asked: time.sleep(0.1)
"""

LEAVES_WITH_0 = """
import os, pathlib, signal, sys, time, wandb
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with wandb.init() as run:
    run.log({"reward": 1.0})
    pathlib.Path("ready").write_text(str(os.getpid()))
    while os.environ.get("FOR_EVER"): time.sleep(0.1)
"""

RUNS = """query($entity: String, $project: String, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { state runs { edges { node {
        name state tags historyLineCount sampledHistory(specs: ["{\\"keys\\": [\\"at\\"], \\"samples\\": 1000}"])
    } } } } }
}"""

pytestmark = pytest.mark.timeout(240)


class Sweep:
    """A sweep on the server, as its users see it."""

    def __init__(self, server, path):
        self._server = server
        self.path = path

    def _read(self):
        entity, project, name = self.path.split("/")
        answer = self._server.graphql(RUNS, {"entity": entity, "project": project, "sweep": name})
        return answer["project"]["sweep"]

    @property
    def state(self):
        return self._read()["state"]

    @property
    def runs(self):
        return [edge["node"] for edge in self._read()["runs"]["edges"]]


@pytest.fixture
def sweep(server):
    """Creates a grid over these learning rates."""

    def create(*learning_rates):
        config = {
            "program": "train.py",
            "method": "grid",
            "metric": {"name": "reward", "goal": "maximize"},
            "parameters": {"lr": {"values": list(learning_rates)}},
            "command": [
                *("wandbsweep", "trial", "${args_json}", "--"),
                *("${env}", "${interpreter}", "${program}", "$${args}"),
            ],
        }
        return Sweep(server, server.create_sweep(PROJECT, yaml.safe_dump(config)))

    return create


@pytest.fixture
def agent(server, runtime, environ, spawn, observe, tmp_path):
    """Starts an agent's main process in the folder of the test; each has a home of its own, as pods have."""
    (tmp_path / "checkpoints").mkdir()
    started = []

    def start(sweep, trainer, **variables):
        (tmp_path / "train.py").write_text(trainer)
        (tmp_path / "ready").unlink(missing_ok=True)
        home = tmp_path / f"home-{len(started)}"
        home.mkdir()
        environment = {
            **environ,
            "WANDBSWEEP_SWEEP": sweep.path,
            "WANDBSWEEP_HOME": str(home),
            "WANDB_DIR": str(home),
            "WANDBSWEEP_PYTHON": sys.executable,
            "WANDBSWEEP_METRIC": "reward",
            "WANDBSWEEP_CHECKPOINTS": str(tmp_path / "checkpoints"),
            "WANDBSWEEP_RESUME_ARGS": json.dumps(["--resume", f"--from={PLACEHOLDER}"]),
            "WANDB_BASE_URL": server.url,
            "WANDB_API_KEY": server.api_key,
            "WANDB_DISABLE_GIT": "true",
            "WANDB_X_DISABLE_STATS": "true",
            **variables,
        }
        pod = observe(spawn([runtime / "bin" / "wandbsweep-agent"], environment))
        started.append(pod)
        return pod

    return start


def told(folder):
    return [json.loads(line) for line in (folder / "told.jsonl").read_text().splitlines()]


def test_an_interrupted_run_goes_on_at_one_of_two_agents_under_its_id_and_finishes_once(
    sweep, agent, eventually, tmp_path
):
    grid = sweep(0.1)
    first = agent(grid, TRAINS, FOR_EVER="1")
    eventually(first.ready_pid, timeout=90)
    eventually(lambda: grid.runs[0]["historyLineCount"] > 3, timeout=30)
    signalled_at = time.time()
    first.stop()
    assert first.exit_code(60) == 20, first.log
    assert float((tmp_path / "asked").read_text()) - signalled_at < 1
    assert first.last_words["runs"]["preempted"] == 1
    (run,) = grid.runs
    assert run["state"] == "preempted"
    reached = run["historyLineCount"]

    for pod in (agent(grid, TRAINS), agent(grid, TRAINS)):
        assert pod.exit_code(150) == 0, pod.log
    (again,) = grid.runs
    assert (again["name"], again["state"]) == (run["name"], "finished")
    assert again["historyLineCount"] >= reached
    before, after = told(tmp_path)
    assert (before["run"], before["lr"], before["resume"]) == (after["run"], after["lr"], after["resume"])
    assert (before["resumed"], after["resumed"]) == ("false", "true")
    assert before["argv"] == ["--lr=0.1"]
    folder = tmp_path / "checkpoints" / grid.path.rpartition("/")[2] / run["name"]
    assert after["argv"] == ["--lr=0.1", "--resume", f"--from={folder}"]
    assert after["start"] > 0
    steps = [row["at"] for row in again["sampledHistory"][0]]
    assert steps == sorted(set(steps))
    assert again["tags"] == ["wandbsweep:preempted"]
    assert grid.state == "FINISHED"


@pytest.mark.parametrize("trainer", [DIES_AT_ONCE, IGNORES_SIGTERM, NEVER_BEGINS])
def test_a_trainer_that_cannot_say_its_last_word_is_preempted_at_once_and_runs_again(trainer, sweep, agent, eventually):
    grid = sweep(0.1)
    first = agent(grid, trainer, FOR_EVER="1", WANDBSWEEP_GRACE_SECONDS="12")
    eventually(first.ready_pid, timeout=90)
    first.stop()
    assert first.exit_code(60) == 20, first.log
    (run,) = grid.runs
    assert (run["state"], run["tags"]) == ("preempted", ["wandbsweep:preempted"])
    assert agent(grid, trainer).exit_code(120) == 0
    (again,) = grid.runs
    assert (again["name"], again["state"]) == (run["name"], "finished")


def test_a_trainer_that_ends_well_when_it_is_asked_has_finished(sweep, agent, eventually):
    grid = sweep(0.1)
    pod = agent(grid, FINISHES_WHEN_ASKED)
    eventually(pod.ready_pid, timeout=90)
    pod.stop()
    assert pod.exit_code(60) == 20, pod.log
    (run,) = grid.runs
    assert run["state"] == "finished"
    assert pod.last_words["runs"]["finished"] == 1


def test_a_trainer_that_leaves_its_run_by_an_exception_is_preempted_although_it_ends_with_0(sweep, agent, eventually):
    grid = sweep(0.1)
    pod = agent(grid, LEAVES_WITH_0, FOR_EVER="1")
    eventually(pod.ready_pid, timeout=90)
    pod.stop()
    assert pod.exit_code(60) == 20, pod.log
    (run,) = grid.runs
    assert (run["state"], run["tags"]) == ("preempted", ["wandbsweep:preempted"])
    assert pod.last_words["runs"]["preempted"] == 1
