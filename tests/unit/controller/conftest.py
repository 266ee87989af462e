from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.controller.api_server import ApiServer, api_server, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wandbsweep.controller.kube_api import KubeApi


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with api_server() as server:
        yield server


@pytest.fixture
async def kube(api: ApiServer) -> AsyncIterator[KubeApi]:
    async with connected(api.url) as connection:
        yield connection
