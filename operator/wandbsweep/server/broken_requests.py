"""Requests that stop making sense in their middle, such as by a chunk whose size is no number.

uvicorn has refused such a request and closed its connection by the time the application answers; to h11 that answer is
a mistake of ours. Nobody hears it, so it is dropped, and the end of the connection is waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BrokenRequests:
    """The application, whose answers to what was refused already are dropped."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        broken = False

        async def answer(message: Message) -> None:
            nonlocal broken
            if broken:
                return
            try:
                await send(message)
            except h11.LocalProtocolError:
                broken = True

        await self._app(scope, receive, answer)
        while broken and (await receive())["type"] != "http.disconnect":
            continue
