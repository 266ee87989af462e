"""Trials of two stages under the stock W&B agent: to it, and to whoever looks at the runs, each is one process."""

from __future__ import annotations

import json
import re
import sys

import pytest

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.evaluation import EvaluationStage
from wandbsweep.sweep.wandb_config import wandb_config
from wandbsweep.tracking.config_text import config_text

SWEEP = """\
method: grid
program: train.py
metric: {name: score, goal: maximize}
parameters: {lr: {values: [0.5, 0.25]}}
command: ["${env}", "${interpreter}", "${program}", "${args}"]
"""
STAGE = EvaluationStage(("${env}", "${interpreter}", "evaluate.py", "${args_no_hyphens}", "--for", "${program}"), 60)

TRAINS = """
import json, pathlib, sys, wandb
with wandb.init() as run:
    run.log({"loss": run.config["lr"]})
    pathlib.Path(f"policy-{run.id}").write_text(sys.argv[1])
"""
EVALUATES = """
import json, pathlib, sys, wandb
with wandb.init() as run:
    policy = pathlib.Path(f"policy-{run.id}").read_text()
    pathlib.Path(f"told-{run.id}.json").write_text(json.dumps([policy, *sys.argv[1:]]))
    run.log({"score": 2 * run.config["lr"]})
"""
RUNS = """query($entity: String, $project: String, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { state runs { edges { node {
        name state tags summaryMetrics historyLineCount
    } } } } }
}"""

# Two agent ticks of 5 s for each run, on a machine that does other things too.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def sweep(server, tmp_path):
    """A grid of two trials with an evaluation, and the files that its command names; the sweep's path."""
    (tmp_path / "train.py").write_text(TRAINS)
    (tmp_path / "evaluate.py").write_text(EVALUATES)
    definition = read_definition(SWEEP, field="sweep.yaml")
    common = {"display_name": "s", "uid": "u", "token": "1-t", "runs_per_agent": None, "agent_count": 1}
    return server.create_sweep("lab", config_text(wandb_config(definition, max_runs=None, evaluation=STAGE, **common)))


def look(server, sweep):
    entity, project, name = sweep.split("/")
    answer = server.graphql(RUNS, {"entity": entity, "project": project, "sweep": name})["project"]["sweep"]
    return answer["state"], [edge["node"] for edge in answer["runs"]["edges"]]


def assert_evaluated(server, run, folder):
    summary = json.loads(run["summaryMetrics"])
    assert (run["state"], run["tags"], run["historyLineCount"]) == ("finished", [], 2)
    assert summary["score"] == 2 * summary["loss"]
    assert summary["time.total"] > summary["time.train"] > 0
    lr = summary["loss"]
    told = json.loads((folder / f"told-{run['name']}.json").read_text())
    assert told == [f"--lr={lr}", f"lr={lr}", "--for", "train.py"]
    assert re.findall(rf"run {run['name']}: \w+ -> (\w+)", server.log) == ["finished"]


def test_an_agent_counts_each_trial_once(server, sweep, runtime, environ, spawn, observe, tmp_path):
    environ.update(
        {
            "WANDBSWEEP_SWEEP": sweep,
            "WANDBSWEEP_PYTHON": sys.executable,
            "WANDBSWEEP_METRIC": "score",
            "WANDB_BASE_URL": server.url,
            "WANDB_API_KEY": server.api_key,
            "WANDB_DISABLE_GIT": "true",
            "WANDB_X_DISABLE_STATS": "true",
        }
    )
    pod = observe(spawn([runtime / "bin" / "wandbsweep-agent"], environ))
    assert pod.exit_code(150) == 0, pod.log
    state, runs = look(server, sweep)
    assert (state, len(runs)) == ("FINISHED", 2)
    for run in runs:
        assert_evaluated(server, run, tmp_path)
    assert pod.last_words["runs"] == {"finished": 2, "failed": 0, "stopped": 0, "preempted": 0}


def test_a_workstation_with_plain_wandb_agent_evaluates_as_well(server, sweep, environ, spawn, tmp_path):
    joins = server.environment(PATH=environ["PATH"], WANDB_DIR=str(tmp_path))
    agent = spawn([sys.executable, "-m", "wandb", "agent", "--count", "1", sweep], joins)
    assert agent.wait(120) == 0
    _, runs = look(server, sweep)
    (run,) = [run for run in runs if run["state"] == "finished"]
    assert_evaluated(server, run, tmp_path)
