from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from servers import RunningServer, running_server
from unit.tracking.small_wandb import SmallWandb
from unit.tracking.web_server import WebServer, web_server
from wandbsweep.tracking import graphql_client
from wandbsweep.tracking.protocol import Account
from wandbsweep.tracking.wandb_tracker import WandbTracker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

KEY = "k" * 40


@pytest.fixture
def wandb() -> SmallWandb:
    return SmallWandb()


@pytest.fixture
async def server(wandb: SmallWandb) -> AsyncIterator[WebServer]:
    async with web_server(wandb.answer) as running:
        yield running


@pytest.fixture
def account(server: WebServer) -> Account:
    return Account(server.url, KEY)


@pytest.fixture(scope="module")
def wandb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The embedded server, for the tests of one module."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def real_account(wandb_server: RunningServer) -> Account:
    """An account of the embedded server."""
    return Account(wandb_server.url, wandb_server.api_key)


@pytest.fixture
async def new_tracker() -> AsyncIterator[Callable[..., WandbTracker]]:
    made: list[WandbTracker] = []

    def make(**options: Any) -> WandbTracker:
        made.append(WandbTracker(**options))
        return made[-1]

    yield make
    for tracker in made:
        await tracker.close()


@pytest.fixture
def tracker(new_tracker: Callable[..., WandbTracker]) -> WandbTracker:
    return new_tracker(timeout_seconds=30.0)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql_client, "_FIRST_PAUSE", 0.001)
