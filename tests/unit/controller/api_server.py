"""A small API server that answers as a test tells it, over real HTTP."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from wandbsweep.controller.kube_api import KubeApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class ApiServer:
    """Objects by path; other paths are not found. Lists have pages by the token that asks for them.

    `trouble` comes before everything: an answer, or seconds without one.
    """

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    trouble: web.Response | float | None = None
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.requests.append((request.method, request.path_qs, body))
        if isinstance(self.trouble, float):
            await asyncio.sleep(self.trouble)
        elif self.trouble is not None:
            return self.trouble
        if request.method == "POST":
            return web.json_response(body, status=201)
        if self.pages:
            return web.json_response(self.pages[request.query.get("continue", "")])
        known = self.objects.get(request.path)
        if known is None:
            return failure(404, f"{request.path} not found")
        return web.json_response(known)


def failure(status: int, message: str) -> web.Response:
    """What an API server says when it says no."""
    return web.json_response({"kind": "Status", "message": message}, status=status)


@asynccontextmanager
async def api_server() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    async with TestServer(application) as running:
        server.url = str(running.make_url("")).rstrip("/")
        yield server


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[KubeApi]:
    configuration = client.Configuration()
    configuration.host = url
    kube = KubeApi(client.ApiClient(configuration))
    try:
        yield kube
    finally:
        await kube.close()
