"""What the search of a sweep asks of a W&B server and writes there, on the embedded one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.errors import KeyRejected, RequestRefused, SweepMissing, TrackingError, Unreachable
from wandbsweep.tracking.protocol import Account
from wandbsweep.tracking.search_client import SearchClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from servers import RunningServer

CONFIG = "method: random\nmetric: {name: loss}\nname: Rates\nparameters: {lr: {min: 0.0, max: 1.0}}\n"
START = """mutation($project: String, $run: String, $sweep: String, $config: JSONString, $summary: JSONString) {
  upsertBucket(input: {modelName: $project, name: $run, sweep: $sweep, host: "h", config: $config,
    summaryMetrics: $summary}) { bucket { id } } }"""
READ = """query($project: String, $run: String!) { project(name: $project) { run(name: $run) {
  summaryMetrics tags } } }"""


@pytest.fixture
def path(wandb_server: RunningServer, request: pytest.FixtureRequest) -> SweepPath:
    return SweepPath.parse(wandb_server.create_sweep(request.node.name[:60], CONFIG))


@pytest.fixture
async def new_client(real_account: Account, path: SweepPath) -> AsyncIterator[Callable[[], SearchClient]]:
    made: list[SearchClient] = []

    def make() -> SearchClient:
        made.append(SearchClient(real_account, path))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def client(new_client: Callable[[], SearchClient]) -> SearchClient:
    return new_client()


@pytest.fixture
def a_run(wandb_server: RunningServer, path: SweepPath) -> Callable[..., None]:
    """Begins a run of the sweep, and ends it where an exit code is given."""

    def begin(name: str, code: int | None = None, **summary: Any) -> None:
        texts = {"config": json.dumps({"lr": {"value": 0.5}, "_wandb": {"value": {}}}), "summary": json.dumps(summary)}
        place = {"project": path.project, "run": name, "sweep": path.sweep_id}
        wandb_server.graphql(START, place | texts)
        if code is not None:
            address = f"/files/{path.entity}/{path.project}/{name}/file_stream"
            assert wandb_server.post(address, {"complete": True, "exitcode": code})[0] == 200

    return begin


async def test_a_look_counts_all_runs_and_lists_those_that_may_still_end(client, a_run):
    a_run("good", 0)
    a_run("bad", 1)
    a_run("busy")

    look = await client.look()

    assert (look.state, look.total, look.failed, look.alive) == ("PENDING", 3, 1, {"busy": "running"})


async def test_a_look_at_a_sweep_that_is_not_there_says_so(real_account, path):
    client = SearchClient(real_account, SweepPath(path.entity, path.project, "nothing"))

    with pytest.raises(SweepMissing, match="nothing"):
        await client.look()
    await client.close()


async def test_a_key_that_the_server_does_not_know_is_said_to_be_one(wandb_server, path):
    client = SearchClient(Account(wandb_server.url, "f" * 40), path)

    with pytest.raises(KeyRejected):
        await client.look()
    await client.close()


async def test_runs_are_read_with_what_they_tried_and_logged(client, a_run):
    a_run("good", 0, loss=0.25)

    runs = await client.read_runs(["good", "nobody"])

    assert list(runs) == ["good"]
    assert (runs["good"].state, runs["good"].config, runs["good"].summary) == ("finished", {"lr": 0.5}, {"loss": 0.25})


async def test_all_runs_are_read_page_by_page(client, a_run):
    names = [f"r{number:03}" for number in range(205)]
    for name in names:
        a_run(name)

    assert [run.run_id for run in await client.read_all_runs()] == names


async def test_a_sweep_is_read_with_its_name(client):
    name, config = await client.read_sweep()

    assert name == "Rates"
    assert config["metric"] == {"name": "loss"}


async def test_a_result_stands_beside_what_the_run_logged(client, a_run, wandb_server, path):
    a_run("good", 0, loss=0.25)

    await client.write_result("good", {"protein.cost": 3}, ["protein:front"], [])
    await client.write_result("good", {"protein.cost": 4}, ["other"], ["protein:front"])

    run = wandb_server.graphql(READ, {"project": path.project, "run": "good"})["project"]["run"]
    assert json.loads(run["summaryMetrics"]) == {"loss": 0.25, "protein.cost": 4}
    assert run["tags"] == ["other"]


async def test_a_result_of_a_run_that_was_deleted_is_nobodys(client):
    await client.write_result("nobody", {"protein.cost": 3}, [], [])


async def test_the_embedded_server_can_be_searched(client):
    assert await client.can_be_searched()


async def test_a_ticket_goes_to_exactly_one_of_all_who_ask_at_once(new_client):
    clients = [new_client() for _ in range(8)]

    made = await asyncio.gather(*(each.insert_ticket(1) for each in clients))

    assert sum(ticket is not None for ticket in made) == 1


async def test_a_ticket_says_what_its_holder_wrote(client, path):
    ticket = await client.insert_ticket(1)

    await client.write_ticket(replace(ticket, holder="me", renewals=3))

    (found,) = await client.newest_tickets()
    assert (found.number, found.holder, found.renewals, found.released) == (1, "me", 3, False)
    assert await client.ticket_exists(1)
    assert not await client.ticket_exists(2)


async def test_the_newest_ticket_comes_first_whatever_was_deleted(client):
    for number in range(1, 13):
        ticket = await client.insert_ticket(number)
        if number < 10:
            await client.delete_ticket(ticket)

    assert [each.number for each in await client.newest_tickets()] == [12, 11, 10]


async def test_a_ticket_is_no_run_of_the_sweep(client):
    await client.insert_ticket(1)

    assert (await client.look()).total == 0


async def test_to_renew_a_ticket_that_was_deleted_fails(client):
    ticket = await client.insert_ticket(1)
    await client.delete_ticket(ticket)

    with pytest.raises((RequestRefused, SweepMissing)):
        await client.write_ticket(ticket)


async def test_an_insertion_whose_answer_is_lost_is_not_repeated(path):
    client = SearchClient(Account("http://127.0.0.1:9", "k" * 40), path, timeout_seconds=1.0)

    with pytest.raises(Unreachable):
        await client.insert_ticket(1)
    with pytest.raises(TrackingError):
        await client.newest_tickets()
    await client.close()
