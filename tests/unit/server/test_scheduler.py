"""W&B's local scheduler, as the stock SDK has it, searches sweeps on this server; all at work at the same time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from servers import running_server

if TYPE_CHECKING:
    import subprocess

# Agents and schedulers ask every five seconds, and a busy machine takes its time to start Python: no test is quick.
pytestmark = pytest.mark.timeout(300)

LEAN = {
    "WANDB_CONSOLE": "off",
    "WANDB_X_DISABLE_META": "true",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
}
TRAIN = """
import wandb
run = wandb.init()
run.log({"loss": (run.config["x"] - 2) ** 2, "size": run.config["x"]})
"""
# Whoever comes first fails.
FIRST_FAILS = """
import pathlib, sys, wandb
run = wandb.init()
try:
    pathlib.Path("failed").touch(exist_ok=False)
except FileExistsError:
    run.log({"loss": run.config["x"]})
else:
    sys.exit(1)
"""
# The last one is stopped by the scheduler when it is seen to be worse than the others, of which it sees 20 rows.
RACE = """
import time, wandb
run = wandb.init()
bad = run.config["x"] == 9
for step in range(300 if bad else 30):
    run.log({"loss": run.config["x"] + 1 / (step + 1)})
    time.sleep(0.3 if bad else 0.05)
"""
# Is preempted once, and ends well when it is started again.
PREEMPTED = """
import sys, wandb
run = wandb.init(resume="allow")
if run.starting_step == 0:
    run.log({"loss": 5.0})
    run.mark_preempting()
    sys.exit(3)
run.log({"loss": 1.0})
"""
SOURCE = """
import optuna

def study(sweep):
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1), directions=["minimize", "maximize"])

def space(trial):
    return {"x": trial.suggest_float("x", 1.0, 3.0)}
"""
UNIFORM = {"x": {"min": 0.0, "max": 4.0}}
LOSS = {"metric": {"name": "loss", "goal": "minimize"}}
BOTH = {"metrics": [{"name": "loss", "goal": "minimize"}, {"name": "size", "goal": "maximize"}]}
WANDB = {"scheduler": {"engine": "wandb"}} | LOSS
FUNCTIONS = {"engine": "optuna", "source": "space.py", "optimizer": "study", "search_space": "space"}


@dataclass
class Scenario:
    """One sweep with its scheduler and its agents, at work in the background."""

    bench: Any
    sweep: str
    scheduler: subprocess.Popen[str]
    agents: list[subprocess.Popen[str]] = field(default_factory=list)
    said: str = ""

    @property
    def lab(self):
        return self.bench.lab

    def finish(self) -> None:
        """Everybody goes home by himself, and without a complaint."""
        _, self.said = self.scheduler.communicate(timeout=240)
        assert self.scheduler.returncode == 0, self.said[-3000:]
        for agent in self.agents:
            _, errors = agent.communicate(timeout=60)
            assert agent.returncode == 0, errors[-3000:]

    def outcome(self) -> tuple[str, list[str]]:
        found = self.lab.sweep(self.sweep)
        return found["state"], sorted(edge["node"]["state"] for edge in found["runs"]["edges"])

    def tried(self) -> list[float]:
        edges = self.lab.sweep(self.sweep)["runs"]["edges"]
        return [json.loads(edge["node"]["config"])["x"]["value"] for edge in edges]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server"), stop_grace="2") as running:
        yield running


@pytest.fixture(scope="module")
def scenarios(server, new_lab, new_bench, tmp_path_factory):
    benches = []

    def start(name: str, program: str, definition: dict[str, Any], agents: int = 1, batch: int = 3) -> Scenario:
        bench = new_bench(new_lab(server), tmp_path_factory.mktemp(name))
        benches.append(bench)
        bench.write("train.py", program)
        bench.write("space.py", SOURCE)
        sweep = bench.lab.create({"program": "train.py", "method": "custom", "parameters": UNIFORM} | definition)
        scheduler = bench.scheduler(sweep, "--batch-size", str(batch), **LEAN)
        return Scenario(bench, sweep, scheduler, [bench.agent(sweep, **LEAN) for _ in range(agents)])

    grid = {"method": "grid", "parameters": {"x": {"values": [0, 1, 9]}}} | WANDB
    yield {
        "random": start("random", TRAIN, {"method": "random", "run_cap": 3} | WANDB, agents=2, batch=4),
        "grid": start("grid", RACE, grid | {"early_terminate": {"type": "hyperband", "min_iter": 3, "eta": 2}}),
        "bayes": start("bayes", TRAIN, {"method": "bayes", "run_cap": 3} | WANDB, batch=2),
        "optuna": start("optuna", TRAIN, {"run_cap": 3, "scheduler": {"engine": "optuna"}} | LOSS),
        "source": start("source", TRAIN, {"run_cap": 3, "scheduler": FUNCTIONS} | BOTH),
        "failing": start("failing", FIRST_FAILS, {"run_cap": 2, "scheduler": {"engine": "optuna"}} | LOSS, batch=2),
        "preempted": start("preempted", PREEMPTED, {"run_cap": 1, "scheduler": {"engine": "optuna"}} | LOSS),
    }
    for bench in benches:
        bench.close()


@pytest.mark.parametrize("engine", ["random", "bayes", "optuna"])
def test_an_engine_makes_exactly_as_many_runs_as_the_cap(scenarios, engine):
    scenario = scenarios[engine]
    scenario.finish()
    assert scenario.outcome() == ("FINISHED", ["finished"] * 3)
    assert len(set(scenario.tried())) == 3


def test_functions_of_the_user_search_two_metrics(scenarios):
    scenario = scenarios["source"]
    scenario.finish()
    assert scenario.outcome() == ("FINISHED", ["finished"] * 3)
    assert all(1.0 <= value <= 3.0 for value in scenario.tried())


def test_a_grid_is_tried_once_at_each_point_and_who_falls_behind_is_stopped(scenarios):
    scenario = scenarios["grid"]
    scenario.finish()
    assert scenario.outcome() == ("FINISHED", ["finished", "finished", "killed"])
    assert sorted(scenario.tried()) == [0, 1, 9]


def test_a_run_that_fails_is_replaced_and_the_cap_stays_exact(scenarios):
    scenario = scenarios["failing"]
    scenario.finish()
    assert scenario.outcome() == ("FINISHED", ["failed", "finished", "finished"])


def test_a_run_that_is_preempted_keeps_its_place_in_the_search_until_it_has_ended(scenarios):
    scenario = scenarios["preempted"]
    scenario.finish()
    assert scenario.outcome() == ("FINISHED", ["finished"])
    (run,) = scenario.lab.runs(scenario.sweep)
    told = [line.split()[-1] for line in scenario.said.splitlines() if f"Run {run} is" in line]
    assert "preempted." not in told
