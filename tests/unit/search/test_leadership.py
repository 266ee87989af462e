"""The lease as processes hold it, on the embedded server, with seconds instead of half minutes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from wandbsweep.search import leadership, lease
from wandbsweep.search.leadership import Leadership
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.protocol import Account
from wandbsweep.tracking.search_client import SearchClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from servers import RunningServer

CONFIG = "method: random\nmetric: {name: loss}\nparameters: {lr: {min: 0.0, max: 1.0}}\n"


@dataclass
class Search:
    """One that wants to lead, and what it was told."""

    client: SearchClient
    name: str
    lost: int = 0
    doubts: int = 0
    lead: Leadership = field(init=False)

    def __post_init__(self) -> None:
        self.lead = Leadership(self.client, self.name, self._on_lost, self._on_doubt)

    def _on_lost(self) -> None:
        self.lost += 1

    def _on_doubt(self) -> None:
        self.doubts += 1


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "STALE_SECONDS", 3.0)
    monkeypatch.setattr(lease, "YOUNG_SECONDS", 2.0)
    monkeypatch.setattr(leadership, "RENEW_SECONDS", 0.3)
    monkeypatch.setattr(leadership, "_DOUBT_SECONDS", 2.5)


@pytest.fixture
async def new_search(
    wandb_server: RunningServer, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[[str], Search]]:
    path = SweepPath.parse(wandb_server.create_sweep(request.node.name[:60], CONFIG))
    made: list[Search] = []

    def make(name: str) -> Search:
        made.append(Search(SearchClient(Account(wandb_server.url, wandb_server.api_key), path), name))
        return made[-1]

    yield make
    for each in made:
        await each.lead.release()
        await each.client.close()


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    for _ in range(200):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"it never came true that {what}")


async def test_of_searches_that_begin_at_once_one_leads(new_search):
    searches = [new_search(f"s{number}") for number in range(4)]

    leads = await asyncio.gather(*(each.lead.try_to_lead() for each in searches))

    assert sum(leads) == 1
    assert [each.lead.holds() for each in searches] == leads


async def test_a_leader_that_renews_is_not_followed(new_search):
    leader, other = new_search("leader"), new_search("other")
    assert await leader.lead.try_to_lead()

    for _ in range(45):
        assert not await other.lead.try_to_lead()
        await asyncio.sleep(0.1)

    assert await leader.lead.confirm()
    assert leader.lost == leader.doubts == 0


async def test_a_lease_that_was_given_back_is_taken_at_once(new_search):
    leader, other = new_search("leader"), new_search("other")
    await leader.lead.try_to_lead()
    await leader.lead.release()

    assert await other.lead.try_to_lead()
    assert not leader.lead.holds()


async def test_a_leader_that_was_paused_finds_that_another_leads(new_search, monkeypatch):
    leader, other = new_search("leader"), new_search("other")
    await leader.lead.try_to_lead()
    monkeypatch.setattr(leader.client, "write_ticket", never)  # as if the process stood still

    await until(other.lead.try_to_lead, "the other leads")

    monkeypatch.undo()
    assert not await leader.lead.confirm()
    assert leader.lost <= 1
    assert leader.doubts > 0
    assert await other.lead.confirm()


async def test_a_leader_whose_ticket_is_deleted_leads_no_more(new_search):
    leader = new_search("leader")
    await leader.lead.try_to_lead()

    (ticket,) = await leader.client.newest_tickets()
    await leader.client.delete_ticket(ticket)

    async def is_lost() -> bool:
        return leader.lost == 1

    await until(is_lost, "the leader has noticed")
    assert not leader.lead.holds()


async def test_old_tickets_do_not_pile_up(new_search):
    search = new_search("s")
    for _ in range(6):
        assert await search.lead.try_to_lead()
        await search.lead.release()

    assert len(await search.client.newest_tickets()) == 2


async def never(_: object) -> None:
    await asyncio.Event().wait()
