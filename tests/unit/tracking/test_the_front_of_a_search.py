"""The runs that a search by Protein has marked as its front are read with their sweep; no other sweep pays for it."""

from __future__ import annotations

import json

import pytest

from unit.tracking.small_wandb import run
from unit.tracking.sweep_at_work import SweepAtWork
from wandbsweep.sweep.path import SweepPath
from wandbsweep.sweep.searching import NO_METRIC
from wandbsweep.tracking.front_reads import FRONT_TAG
from wandbsweep.tracking.protocol import FrontRun

PATH = SweepPath("lab", "anymal", "a")
PROTEIN = {
    "method": "custom",
    "metric": {"name": "reward", "goal": "maximize"},
    "parameters": {"lr": {"min": 0.1, "max": 0.9}},
}


def on_front(name, score, cost, **config):
    summary = {"reward": score, "protein.objective": score, "protein.cost": cost}
    return run(name, summary=json.dumps(summary), tags=["mine", FRONT_TAG], **config)


async def read(tracker, account, path=PATH):
    return (await tracker.read(account, [path]))[path]


async def test_the_front_is_read_with_its_sweep_the_cheapest_run_first(tracker, account, wandb):
    wandb.add(
        str(PATH),
        PROTEIN,
        on_front("dear", 0.9, 60, lr=0.3, seed=7, wandbsweep={"name": "s.r.1", "number": 1}),
        on_front("cheap", 0.5, 20, lr=0.2),
        run("beaten", summary='{"reward": 0.4, "protein.objective": 0.4, "protein.cost": 50}', lr=0.1),
    )

    reading = await read(tracker, account)

    assert reading.front == (
        FrontRun("cheap", "cheap-shown", f"{account.base_url}/lab/anymal/runs/cheap", 0.5, 20.0, {"lr": 0.2}),
        FrontRun("dear", "dear-shown", f"{account.base_url}/lab/anymal/runs/dear", 0.9, 60.0, {"lr": 0.3}),
    )
    assert reading.best.parameters == {"lr": 0.3}


async def test_a_run_without_its_score_or_cost_is_left_out(tracker, account, wandb):
    wandb.add(
        str(PATH), PROTEIN, on_front("whole", 0.5, 20), on_front("no-cost", 0.5, None), on_front("nan", "NaN", 20)
    )

    assert [each.run_id for each in (await read(tracker, account)).front] == ["whole"]


@pytest.mark.parametrize(
    "config",
    [
        {**PROTEIN, "method": "random"},
        {**PROTEIN, "parameters": {"scan": {"values": ["a"]}}},
        {**PROTEIN, "scheduler": {"engine": "optuna"}},
    ],
)
async def test_no_other_sweep_is_asked_for_a_front(tracker, account, wandb, server, config):
    wandb.add(str(PATH), config, on_front("r", 0.5, 20))

    assert (await read(tracker, account)).front == ()
    assert not any("front" in request.query for request in server.requests)


async def test_a_search_is_asked_for_its_front_without_a_request_of_its_own(tracker, account, wandb, server):
    wandb.add(str(PATH), PROTEIN, on_front("r", 0.5, 20))

    await read(tracker, account)
    asked_first = len(server.requests)
    await read(tracker, account)

    assert (asked_first, len(server.requests)) == (2, 3)  # once to learn what to ask, as for the metric


async def test_by_the_metric_that_stands_for_none_no_run_is_the_best(tracker, account, wandb):
    wandb.add(str(PATH), {**PROTEIN, "metric": {"name": NO_METRIC, "goal": "minimize"}}, run("r"))

    assert (await read(tracker, account)).best is None


async def test_the_embedded_server_finds_the_front(tracker, real_account, wandb_server):
    created = await tracker.create(real_account, entity=None, project="front", config={**PROTEIN, "method": "random"})
    work = SweepAtWork(wandb_server, created.path)
    agent = work.agent("h")
    first, second = work.begin(agent), work.begin(agent)
    work.end(first, 0, FRONT_TAG)
    work.end(second)
    wandb_server.graphql(
        """mutation($project: String, $run: String, $summary: JSONString) {
        upsertBucket(input: {modelName: $project, name: $run, summaryMetrics: $summary}) { inserted } }""",
        {"project": "front", "run": first, "summary": '{"protein.objective": 0.5, "protein.cost": 3}'},
    )
    await tracker.update(real_account, created.path, PROTEIN)

    (found,) = (await read(tracker, real_account, created.path)).front

    assert (found.run_id, found.score, found.cost) == (first, 0.5, 3.0)
    assert list(found.parameters) == ["lr"]
