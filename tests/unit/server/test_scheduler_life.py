"""W&B's local scheduler ends, is killed, is started again, has to wait, and is not wanted."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from proxies import Fate, Proxy, wandb_proxy
from servers import running_server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

# Agents and schedulers ask every five seconds, and a busy machine takes its time to start Python: no test is quick.
pytestmark = pytest.mark.timeout(180)

LEAN = {
    "WANDB_CONSOLE": "off",
    "WANDB_X_DISABLE_META": "true",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
}
# Works until it is told that it may end.
TRAIN = """
import pathlib, time, wandb
run = wandb.init()
while not pathlib.Path("go").exists():
    time.sleep(0.1)
run.log({"loss": run.config["x"]})
"""
DEFINITION = {
    "method": "custom",
    "program": "train.py",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"min": 0.0, "max": 4.0}},
    "scheduler": {"engine": "optuna"},
    "run_cap": 3,
}
ENQUEUE = """
import json, wandb
sweep = wandb.Api().sweep("{path}")
run = sweep.enqueue_run({{"x": {{"value": 1.5}}}}, display_name="by hand")
try:
    sweep.enqueue_run({{"x": {{"value": 2.5}}}})
except Exception as error:
    print(json.dumps([run, str(error)]))
"""


@dataclass
class Search:
    """A sweep of three runs, two at a time, with two agents; its scheduler can be counted and comes and goes."""

    bench: Any
    sweep: str
    proxy: Proxy
    until: Callable[..., Any]

    @property
    def lab(self):
        return self.bench.lab

    def start(self) -> subprocess.Popen[str]:
        return self.bench.scheduler(self.sweep, "--batch-size", "2", WANDB_BASE_URL=self.proxy.url, **LEAN)

    def wait_for_looks(self, number: int, why: str) -> None:
        """Until the scheduler has looked at its runs so many times more."""
        looks = self.proxy.rule(lambda call: call.says("query SweepWatchedRuns"), Fate.CARRIED_OUT, times=number)
        self.until(lambda: looks.used == number, seconds=60, what=f"{number} looks of the scheduler {why}")

    def wait_for_states(self, *states: str) -> list[str]:
        """The names of the runs once these are their states."""
        wanted = sorted(states)
        self.until(lambda: sorted(self.lab.runs(self.sweep).values()) == wanted, seconds=60, what=f"runs {wanted}")
        return sorted(self.lab.runs(self.sweep))

    def let_runs_end(self) -> None:
        self.bench.write("go", "")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def search(server, new_lab, new_bench, tmp_path, until) -> Iterator[Search]:
    bench = new_bench(new_lab(server), tmp_path)
    bench.write("train.py", TRAIN)
    sweep = bench.lab.create(DEFINITION)
    for _ in range(2):
        bench.agent(sweep, **LEAN)
    with wandb_proxy(server.url) as proxy:
        yield Search(bench, sweep, proxy, until)
        bench.close()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_a_scheduler_that_is_started_again_takes_over_what_runs_and_starts_nothing_twice(search, end):
    first = search.start()
    running = search.wait_for_states("running", "running")
    first.send_signal(end)
    _, said = first.communicate(timeout=60)
    assert first.returncode == (0 if end == signal.SIGINT else -end), said
    assert search.lab.state(search.sweep) == "RUNNING"
    second = search.start()
    search.wait_for_looks(2, "after its restart")
    assert sorted(search.lab.runs(search.sweep)) == running
    search.let_runs_end()
    _, said = second.communicate(timeout=90)
    assert second.returncode == 0, said
    assert said.count("loaded as running") == 2
    assert set(running) < set(search.wait_for_states(*["finished"] * 3))
    assert search.lab.state(search.sweep) == "FINISHED"


def test_a_scheduler_waits_while_its_sweep_is_paused_and_then_goes_on(search):
    scheduler = search.start()
    running = search.wait_for_states("running", "running")
    search.lab.set_state(search.sweep, "PAUSED")
    search.let_runs_end()
    assert search.wait_for_states("finished", "finished") == running
    search.wait_for_looks(2, "while the sweep is paused")
    assert sorted(search.lab.runs(search.sweep)) == running
    assert scheduler.poll() is None
    search.lab.set_state(search.sweep, "RUNNING")
    _, said = scheduler.communicate(timeout=90)
    assert scheduler.returncode == 0, said
    search.wait_for_states(*["finished"] * 3)


def test_a_scheduler_is_refused_with_a_reason_where_the_feature_is_off(tmp_path, new_lab, new_bench):
    with running_server(tmp_path / "server", local_scheduler="false") as server:
        bench = new_bench(new_lab(server), tmp_path / "bench")
        sweep = bench.lab.create(DEFINITION)
        scheduler = bench.scheduler(sweep, **LEAN)
        _, said = scheduler.communicate(timeout=60)
        bench.close()
    assert scheduler.returncode != 0
    assert "does not support" in said or "not supported" in said, said


def test_a_user_enqueues_a_run_by_hand_and_hears_at_once_when_there_are_enough(server, new_lab, new_bench, tmp_path):
    bench = new_bench(new_lab(server), tmp_path)
    lab = bench.lab
    sweep = lab.create(DEFINITION | {"run_cap": 1})
    run, refusal = bench.python(ENQUEUE.format(path=f"{server.entity}/{lab.project}/{sweep}"))
    assert "as many runs as its run_cap of 1 allows" in refusal
    assert lab.runs(sweep) == {run: "pending"}
    (command,) = lab.heartbeat(lab.agent(sweep))
    assert (command["run_id"], command["args"]) == (run, {"x": {"value": 1.5}})
