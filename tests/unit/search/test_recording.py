"""What an engine says of runs reaches W&B in the background, whole and in order."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from unit.search.quick_agents import runs_of
from wandbsweep.search import recording
from wandbsweep.search.recording import RecordedResults
from wandbsweep.search.wandb_thread import WandbThread
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.protocol import Account
from wandbsweep.tracking.search_client import SearchClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers import RunningServer

CONFIG = "method: random\nmetric: {name: loss}\nparameters: {lr: {min: 0.0, max: 1.0}}\n"
START = """mutation($project: String, $run: String, $sweep: String) {
  upsertBucket(input: {modelName: $project, name: $run, sweep: $sweep, config: "{}", host: "h"}) { bucket { id } } }"""


@pytest.fixture
def path(wandb_server: RunningServer, request: pytest.FixtureRequest) -> str:
    path = wandb_server.create_sweep(request.node.name[:60], CONFIG)
    _, project, sweep = path.split("/")
    for name in ("r0", "r1", "r2"):
        wandb_server.graphql(START, {"project": project, "run": name, "sweep": sweep})
    return path


@pytest.fixture
def thread() -> Iterator[WandbThread]:
    running = WandbThread()
    yield running
    running.stop()


@pytest.fixture
def new_results(thread: WandbThread, path: str) -> Iterator[Callable[[str, str], RecordedResults]]:
    clients: list[SearchClient] = []

    def make(url: str, key: str) -> RecordedResults:
        clients.append(SearchClient(Account(url, key), SweepPath.parse(path), timeout_seconds=2.0))
        return RecordedResults(thread, clients[-1])

    yield make
    for client in clients:
        thread.call(client.close())


def test_what_was_said_last_of_a_run_stands(wandb_server, path, new_results):
    results = new_results(wandb_server.url, wandb_server.api_key)

    for number in range(10):
        for run in ("r0", "r1", "r2"):
            results.record(run, {"cost": number, f"seen.{number}": True}, tags_added=[f"t{number}"])
            results.record(run, {}, tags_removed=[f"t{number}"])
    results.flush(30)

    runs = runs_of(wandb_server, path)
    assert [run["summary"]["cost"] for run in runs] == [9, 9, 9]
    assert all(run["summary"][f"seen.{number}"] for run in runs for number in range(10))
    assert [run["tags"] for run in runs] == [[], [], []]


def test_a_search_never_waits_for_wandb(new_results, caplog, monkeypatch):
    monkeypatch.setattr(recording, "_PAUSES", (0.01, None))
    results = new_results("http://127.0.0.1:9", "k" * 40)

    began = time.monotonic()
    results.record("r0", {"cost": 1})
    assert time.monotonic() - began < 0.5

    results.flush(30)
    assert "the result of run r0 was not recorded" in caplog.text


def test_a_metric_that_is_no_number_stays_as_it_is(wandb_server, path, new_results):
    results = new_results(wandb_server.url, wandb_server.api_key)
    entity, project, _ = path.split("/")
    line = '{"loss": NaN}'
    body = {"files": {"wandb-summary.json": {"offset": 0, "content": [line]}}}
    assert wandb_server.post(f"/files/{entity}/{project}/r0/file_stream", body)[0] == 200
    before = next(run for run in runs_of(wandb_server, path) if run["name"] == "r0")["summary"]

    results.record("r0", {"cost": 1})
    results.flush(30)

    after = next(run for run in runs_of(wandb_server, path) if run["name"] == "r0")["summary"]
    assert json.dumps(after, sort_keys=True) == json.dumps({**before, "cost": 1}, sort_keys=True)
