"""The tracker keeps its promises on a real server over HTTP, with runs that the stock SDK made."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from servers import RunningServer, running_server
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.errors import ConfigRejected, KeyRejected, NeverSent, SweepMissing, Unreachable
from wandbsweep.tracking.protocol import Account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = {
    "method": "random",
    "description": "mine\n\nwandbsweep.dev/uid: 0a1b",
    "metric": {"name": "Train/loss", "goal": "minimize"},
    "parameters": {"lr": {"values": [0.1, 0.2]}, "units": {"min": 1, "max": 4}},
    "run_cap": 9,
}
TRAIN = """
import json, sys, wandb
config, loss, code = json.loads(sys.argv[1])
run = wandb.init(config=config, settings=wandb.Settings(console="off"))
run.log({"Train/loss": float(loss)})
sys.exit(code)
"""


@pytest.fixture
def account(real_account):
    return real_account


async def train(server, path, run_id, config, *, loss, code=0):
    environment = server.environment(
        WANDB_ENTITY=path.entity, WANDB_PROJECT=path.project, WANDB_SWEEP_ID=path.sweep_id, WANDB_RUN_ID=run_id
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TRAIN, json.dumps([config, loss, code]), env=environment, cwd=server.folder
    )
    assert await asyncio.wait_for(process.wait(), 50) == code


async def test_a_created_sweep_is_read_back_and_found(tracker, account, wandb_server):
    created = await tracker.create(account, entity=None, project="created", config=CONFIG)
    found = await tracker.find(account, entity=None, project="created", marker="wandbsweep.dev/uid: 0a1b")
    readings = await tracker.read(account, [created.path])

    assert created.path.entity == wandb_server.entity
    assert created.url == f"{wandb_server.url}/{created.path.entity}/created/sweeps/{created.path.sweep_id}"
    assert found is not None
    assert (found.path, found.url) == (created.path, created.url)
    reading = readings[created.path]
    assert reading.state == "PENDING"
    assert {key: reading.config[key] for key in ("method", "metric", "run_cap")} == {
        key: CONFIG[key] for key in ("method", "metric", "run_cap")
    }
    assert reading.config["parameters"]["units"] == {"min": 1, "max": 4, "distribution": "int_uniform"}
    assert sum(reading.runs_by_state.values()) == 0
    assert reading.best is None


@pytest.mark.parametrize(
    ("project", "marker"), [("found", "uid: other"), ("no-such-project", "wandbsweep.dev/uid: 0a1b")]
)
async def test_nothing_is_found_where_nothing_is(tracker, account, project, marker):
    await tracker.create(account, entity=None, project="found", config=CONFIG)

    assert await tracker.find(account, entity=None, project=project, marker=marker) is None


async def test_the_oldest_of_many_sweeps_is_found(tracker, account):
    first = await tracker.create(account, entity=None, project="many", config=CONFIG)
    others = [CONFIG | {"description": f"uid: {number}"} for number in range(110)]
    await asyncio.gather(*(tracker.create(account, entity=None, project="many", config=other) for other in others))

    found = await tracker.find(account, entity=None, project="many", marker="wandbsweep.dev/uid: 0a1b")

    assert found is not None
    assert found.path == first.path


async def test_runs_are_counted_and_the_best_finished_one_is_named(tracker, account, wandb_server):
    path = (await tracker.create(account, entity=None, project="runs", config=CONFIG)).path
    await asyncio.gather(
        train(wandb_server, path, "good", {"lr": 0.1, "units": 3, "host": "x"}, loss="0.125"),
        train(wandb_server, path, "undefined", {"lr": 0.2, "units": 3}, loss="nan"),
        train(wandb_server, path, "failed", {"lr": 0.2, "units": 1}, loss="-1", code=3),
    )

    reading = (await tracker.read(account, [path]))[path]

    assert {state: count for state, count in reading.runs_by_state.items() if count} == {"finished": 2, "failed": 1}
    assert reading.best.run_id == "good"
    assert reading.best.value == 0.125
    assert reading.best.parameters == {"lr": 0.1, "units": 3}
    assert reading.best.url == f"{wandb_server.url}/{path.entity}/runs/runs/good"


async def test_sweeps_that_are_there_and_that_are_not_are_read_together(tracker, account):
    created = [await tracker.create(account, entity=None, project="batch", config=CONFIG) for _ in range(25)]
    there = [each.path for each in created]
    gone, nowhere = replace(there[0], sweep_id="gone"), SweepPath(there[0].entity, "no-such-project", "x")

    readings = await tracker.read(account, [*there, gone, nowhere])

    assert [reading is not None for reading in readings.values()] == [True] * 25 + [False] * 2


async def test_states_are_set_and_what_is_over_stays_over(tracker, account):
    path = (await tracker.create(account, entity=None, project="states", config=CONFIG)).path
    seen = []
    for state in ("RUNNING", "PAUSED", "PAUSED", "RUNNING", "CANCELED", "CANCELED", "FINISHED", "RUNNING"):
        await tracker.set_state(account, path, state)
        seen.append((await tracker.read(account, [path]))[path].state)

    assert seen == ["RUNNING", "PAUSED", "PAUSED", "RUNNING", "CANCELED", "CANCELED", "CANCELED", "CANCELED"]


async def test_a_sweep_that_is_not_there_cannot_be_stopped(tracker, account, wandb_server):
    with pytest.raises(SweepMissing):
        await tracker.set_state(account, SweepPath(wandb_server.entity, "states", "gone"), "FINISHED")


async def test_a_key_that_the_server_does_not_know_is_rejected(tracker, account):
    stranger = replace(account, api_key="f" * 40)

    with pytest.raises(KeyRejected):
        await tracker.resolve_entity(stranger)
    with pytest.raises(KeyRejected):
        await tracker.create(stranger, entity="wandbsweep", project="p", config=CONFIG)
    with pytest.raises(KeyRejected):
        await tracker.read(stranger, [SweepPath("wandbsweep", "p", "x")])


async def test_an_entity_that_is_not_the_keys_own_is_refused(tracker, account):
    with pytest.raises((ConfigRejected, KeyRejected), match="somebody-else"):
        await tracker.create(account, entity="somebody-else", project="p", config=CONFIG)


@pytest.fixture
def mortal_server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path) as server:
        yield server


async def test_a_sweep_outlives_its_server_and_the_outage_is_told(tracker, mortal_server):
    account = Account(mortal_server.url, mortal_server.api_key)
    created = await tracker.create(account, entity=None, project="outage", config=CONFIG)
    await asyncio.to_thread(mortal_server.kill)

    with pytest.raises(Unreachable):
        await tracker.read(account, [created.path])
    with pytest.raises(NeverSent):
        await tracker.create(account, entity="wandbsweep", project="outage", config=CONFIG)

    await asyncio.to_thread(mortal_server.restart)
    found = await tracker.find(account, entity=None, project="outage", marker="wandbsweep.dev/uid: 0a1b")
    reading = (await tracker.read(account, [created.path]))[created.path]
    assert found is not None
    assert found.path == created.path
    assert reading is not None
