"""Whole flows with the stock wandb SDK, in processes of their own, all at work at the same time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from servers import running_server

if TYPE_CHECKING:
    import subprocess

# Agents ask every five seconds, and a busy machine takes its time to start Python: no test here is quick.
pytestmark = pytest.mark.timeout(180)

LEAN = {
    "WANDB_CONSOLE": "off",
    "WANDB_X_DISABLE_META": "true",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
}

TRAIN = """
import wandb
run = wandb.init()
for step in range(3):
    run.log({"loss": (run.config["x"] - 2) ** 2 + 1 / (step + 1)})
"""
# Runs until somebody stops it; tells whether it was asked through Ctrl-C or a signal.
ENDLESS = """
import time, wandb
run = wandb.init()
step = 0
while True:
    run.log({"loss": run.config["x"] + 1 / (step + 1)})
    step += 1
    time.sleep(0.2)
"""
# Is preempted once, and goes on where it was when it is started again.
PREEMPTIBLE = """
import sys, wandb
run = wandb.init(resume="allow")
first = run.starting_step
run.log({"loss": 1.0, "first": first})
if first == 0:
    run.mark_preempting()
    run.log({"loss": 0.5})
    sys.exit(3)
"""
# The last one is stopped by hyperband when it is seen to be worse than the others.
RACE = """
import time, wandb
run = wandb.init()
bad = run.config["x"] == 9
for step in range(200 if bad else 8):
    run.log({"loss": run.config["x"] + 1 / (step + 1)})
    time.sleep(0.3 if bad else 0.05)
"""
X = {"x": {"values": [1, 2, 3]}}


@dataclass
class Scenario:
    """One sweep with its agents, at work in the background."""

    bench: Any
    sweep: str
    agents: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def lab(self):
        return self.bench.lab

    def finish(self) -> None:
        for agent in self.agents:
            _, errors = agent.communicate(timeout=150)
            assert agent.returncode == 0, errors[-3000:]

    def outcome(self) -> dict[str, Any]:
        found = self.lab.sweep(self.sweep)
        return found | {"states": sorted(edge["node"]["state"] for edge in found["runs"]["edges"])}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def scenarios(server, new_lab, new_bench, tmp_path_factory):
    """All scenarios, started together: an agent asks for work every five seconds, and waits in between."""
    benches = []

    def start(
        name: str, program: str, definition: dict[str, Any], agents: int = 1, *flags: str, **env: str
    ) -> Scenario:
        bench = new_bench(new_lab(server), tmp_path_factory.mktemp(name))
        benches.append(bench)
        bench.write("train.py", program)
        sweep = bench.lab.create({"program": "train.py", "metric": {"name": "loss", "goal": "minimize"}, **definition})
        return Scenario(bench, sweep, [bench.agent(sweep, *flags, **LEAN, **env) for _ in range(agents)])

    uniform = {"x": {"min": 0.0, "max": 4.0}}
    yield {
        "grid": start("grid", TRAIN, {"method": "grid", "parameters": X}),
        "random": start("random", TRAIN, {"method": "random", "parameters": uniform, "run_cap": 6}, 3),
        "preempted": start("preempted", PREEMPTIBLE, {"method": "grid", "parameters": {"x": {"value": 1}}}),
        "failing": start(
            "failing",
            "import sys, wandb; wandb.init(); sys.exit(7)",
            {"method": "grid", "parameters": {"x": {"value": 1}}},
        ),
        "silent": start(
            "silent", "print('no wandb here')", {"method": "grid", "parameters": {"x": {"values": [1, 2]}}}
        ),
        "canceled": start("canceled", ENDLESS, {"method": "grid", "parameters": X}),
        "stopped": start("stopped", ENDLESS, {"method": "grid", "parameters": X}),
        "hyperband": start(
            "hyperband",
            RACE,
            {
                "method": "grid",
                "parameters": {"x": {"values": [0, 1, 9]}},
                "early_terminate": {"type": "hyperband", "min_iter": 3, "eta": 2},
            },
        ),
    }
    for bench in benches:
        bench.close()


def test_three_agents_in_parallel_make_exactly_as_many_runs_as_the_cap(scenarios):
    scenario = scenarios["random"]
    scenario.finish()
    outcome = scenario.outcome()
    assert outcome["state"] == "FINISHED"
    assert outcome["states"] == ["finished"] * 6
    assert outcome["runCountExpected"] == 6


def test_a_canceled_sweep_ends_its_run_and_its_agent(scenarios, until):
    scenario = scenarios["canceled"]
    until(lambda: "running" in scenario.lab.runs(scenario.sweep).values(), what="a running run")
    done = scenario.bench.wandb(
        "sweep", "--cancel", f"{scenario.lab.server.entity}/{scenario.lab.project}/{scenario.sweep}"
    )
    assert done.returncode == 0, done.stderr
    scenario.finish()
    outcome = scenario.outcome()
    assert (outcome["state"], outcome["states"]) == ("CANCELED", ["killed"])
    (edge,) = outcome["runs"]["edges"]
    assert edge["node"]["exitcode"] == 255, "the run was told through its stream and could say goodbye"


def test_pause_resume_and_stop_through_the_command_line(scenarios, until):
    scenario = scenarios["stopped"]
    lab = scenario.lab
    path = f"{lab.server.entity}/{lab.project}/{scenario.sweep}"
    until(lambda: "running" in lab.runs(scenario.sweep).values(), what="a running run")
    for flag, state in (("--pause", "PAUSED"), ("--resume", "RUNNING"), ("--stop", "FINISHED")):
        done = scenario.bench.wandb("sweep", flag, path)
        assert done.returncode == 0, done.stderr
        assert lab.state(scenario.sweep) == state
    (run,) = lab.runs(scenario.sweep)
    assert lab.runs(scenario.sweep)[run] == "running", "a stopped sweep lets its runs go on"
    identity = lab.sweep(scenario.sweep)["runs"]["edges"][0]["node"]["id"]
    lab.server.graphql("mutation($id: ID!) { stopRun(input: {id: $id}) { success } }", {"id": identity})
    scenario.finish()
    assert lab.runs(scenario.sweep) == {run: "killed"}


def test_a_grid_is_exact_and_its_best_run_is_known(scenarios):
    scenario = scenarios["grid"]
    scenario.finish()
    outcome = scenario.outcome()
    assert (outcome["state"], outcome["states"]) == ("FINISHED", ["finished"] * 3)
    tried = [json.loads(edge["node"]["config"])["x"]["value"] for edge in outcome["runs"]["edges"]]
    assert sorted(tried) == [1, 2, 3]
    assert outcome["bestLoss"] == pytest.approx(1 / 3)


def test_a_preempted_run_is_resumed_under_its_own_id_with_its_history(scenarios):
    scenario = scenarios["preempted"]
    scenario.finish()
    outcome = scenario.outcome()
    assert (outcome["state"], outcome["states"]) == ("FINISHED", ["finished"])
    query = "query($p: String, $r: String!) { project(name: $p) { run(name: $r) { history(samples: 10) } } }"
    run = outcome["runs"]["edges"][0]["node"]["name"]
    rows = scenario.lab.server.graphql(query, {"p": scenario.lab.project, "r": run})["project"]["run"]["history"]
    assert [json.loads(row)["_step"] for row in rows] == [0, 1, 2]
    assert json.loads(rows[2])["first"] == 2


def test_failed_runs_count_as_tried(scenarios):
    scenarios["failing"].finish()
    outcome = scenarios["failing"].outcome()
    assert (outcome["state"], outcome["states"]) == ("FINISHED", ["failed"])
    assert {edge["node"]["exitcode"] for edge in outcome["runs"]["edges"]} == {7}


def test_a_program_that_never_speaks_to_the_server_is_run_once_at_each_point(scenarios):
    scenario = scenarios["silent"]
    scenario.finish()
    outcome = scenario.outcome()
    assert (outcome["state"], outcome["states"]) == ("FINISHED", ["crashed"] * 2)


def test_hyperband_stops_the_run_that_falls_behind(scenarios):
    scenarios["hyperband"].finish()
    outcome = scenarios["hyperband"].outcome()
    assert (outcome["state"], outcome["states"]) == ("FINISHED", ["finished", "finished", "killed"])


def test_a_sweep_file_is_created_updated_and_its_mistakes_are_echoed(server, new_lab, new_bench, tmp_path):
    bench = new_bench(new_lab(server), tmp_path)
    definition = {"program": "train.py", "method": "grid", "name": "first", "parameters": {"x": {"values": [1]}}}
    bench.write("sweep.yaml", yaml.safe_dump(definition))
    done = bench.wandb("sweep", "sweep.yaml", WANDB_SILENT="false")
    assert done.returncode == 0, done.stderr
    (path,) = [line.split()[-1] for line in done.stderr.splitlines() if "wandb agent" in line]
    sweep = path.rpartition("/")[2]
    assert f"{server.url}/{server.entity}/{bench.lab.project}/sweeps/{sweep}" in done.stderr
    bench.write("sweep.yaml", yaml.safe_dump(definition | {"parameters": {"x": {"values": [1, 2]}}}))
    done = bench.wandb("sweep", "--update", path, "sweep.yaml")
    assert done.returncode == 0, done.stderr
    assert bench.lab.sweep(sweep)["runCountExpected"] == 2
    bench.write("sweep.yaml", yaml.safe_dump(definition | {"method": "nonsense"}))
    done = bench.wandb("sweep", "sweep.yaml", WANDB_SILENT="false")
    assert "nonsense" in done.stderr


def test_a_wrong_key_is_told_apart_from_a_server_that_is_down(server, new_lab, new_bench, tmp_path):
    bench = new_bench(new_lab(server), tmp_path)
    bench.write("sweep.yaml", yaml.safe_dump({"method": "grid", "parameters": {"x": {"value": 1}}}))
    done = bench.wandb("sweep", "sweep.yaml", WANDB_API_KEY="f" * 40, WANDB_SILENT="false")
    assert done.returncode != 0
    assert "401" in done.stderr or "API key" in done.stderr, done.stderr


READS = """
import json, wandb
api = wandb.Api()
sweep = api.sweep("{path}")
best = sweep.best_run()
run = api.run("{run}")
print(json.dumps({{
    "state": sweep.state, "name": sweep.name, "expected": sweep.expected_run_count,
    "runs": len(sweep.runs), "states": [each.state for each in sweep.runs],
    "agents": [agent._attrs["state"] for agent in sweep.agents()],
    "best": [best.config["x"], best.summary["loss"]],
    "history": [row["loss"] for row in run.history(pandas=False)],
    "sampled": [row["loss"] for row in run.history(keys=["loss"], pandas=False)],
    "scanned": [row["loss"] for row in run.scan_history()],
    "files": sorted(file.name for file in run.files()),
    "log": [line.content for line in run.console_logs()],
    "filtered": [each.name for each in api.runs("{project}", filters={{"config.x.value": {{"$lt": 2}}}})],
    "sweeps": [each.id for each in api.project("{name}").sweeps()],
    "text": open(run.file("notes.txt").download(root="{root}", replace=True).name).read(),
    "project": [each.name for each in api.projects()],
}}))
"""
TALK = """
import pathlib, wandb
run = wandb.init()
print("hello from the trainer")
for step in range(3):
    run.log({"loss": (run.config["x"] - 2) ** 2 + 1 / (step + 1), "bad": float("nan")})
pathlib.Path("notes.txt").write_text("kept")
run.save("notes.txt", policy="now")
"""


def test_everything_that_wandb_api_asks_for_is_answered(server, new_lab, new_bench, tmp_path):
    bench = new_bench(new_lab(server), tmp_path)
    bench.write("train.py", TALK)
    lab = bench.lab
    definition = {"program": "train.py", "method": "grid", "name": "reads", "parameters": {"x": {"values": [2]}}}
    sweep = lab.create(definition | {"metric": {"name": "loss"}})
    agent = bench.agent(sweep)
    _, errors = agent.communicate(timeout=150)
    assert agent.returncode == 0, errors
    (run,) = lab.runs(sweep)
    project = f"{server.entity}/{lab.project}"
    found = bench.python(
        READS.format(
            path=f"{project}/{sweep}", run=f"{project}/{run}", project=project, name=lab.project, root=tmp_path / "down"
        )
    )
    assert found.pop("history") == found.pop("sampled") == found.pop("scanned") == [1, 0.5, 1 / 3]
    assert {"notes.txt", "config.yaml", "wandb-summary.json"} <= set(found.pop("files"))
    assert lab.project in found.pop("project")
    assert found == {
        "state": "FINISHED",
        "name": "reads",
        "expected": 1,
        "runs": 1,
        "states": ["finished"],
        "agents": ["FINISHED"],
        "best": [2, 1 / 3],
        "log": ["hello from the trainer"],
        "filtered": [],
        "sweeps": [sweep],
        "text": "kept",
    }
