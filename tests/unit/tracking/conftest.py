from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.tracking.small_wandb import SmallWandb
from unit.tracking.web_server import WebServer, web_server
from wandbsweep.tracking.protocol import Account
from wandbsweep.tracking.wandb_tracker import WandbTracker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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


@pytest.fixture
async def tracker() -> AsyncIterator[WandbTracker]:
    it = WandbTracker(timeout_seconds=2.0)
    yield it
    await it.close()
