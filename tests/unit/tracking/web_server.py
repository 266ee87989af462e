"""A real HTTP server on a free port that answers as a test tells it, and can hang, cut and send anything."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    query: str
    variables: dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What goes back: an HTTP answer, or (status 0) these very bytes, after which the connection is closed."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(data: Any, *, status: int = 200, **headers: str) -> Reply:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(status, json.dumps(data).encode(), {"Content-Type": "application/json"} | names)


CUT = Reply(status=0)
HANG = Reply(status=-1)


class WebServer:
    """Keeps what it was asked; `answer` may be replaced at any time."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()
        self._arrival = asyncio.Condition()

    async def was_asked(self, times: int = 1) -> None:
        async with asyncio.timeout(10), self._arrival:
            await self._arrival.wait_for(lambda: len(self.requests) >= times)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while request := await _read_request(reader):
                async with self._arrival:
                    self.requests.append(request)
                    self._arrival.notify_all()
                reply = self.answer(request)
                if reply is HANG:
                    await reader.read()
                    return
                writer.write(reply.body if reply.status == 0 else _http(reply))
                if reply.status == 0:
                    return
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
            self._writers.discard(writer)

    def hang_up(self) -> None:
        for writer in list(self._writers):
            writer.close()


@asynccontextmanager
async def web_server(answer: Callable[[Request], Reply]) -> AsyncIterator[WebServer]:
    server = WebServer(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        server.hang_up()
        await listener.wait_closed()


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    start = (await reader.readline()).decode().split()
    if not start:
        return None
    headers = {}
    while line := (await reader.readline()).decode().strip():
        name, value = line.split(":", 1)
        headers[name.lower()] = value.strip()
    body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
    return Request(start[1], headers, body.get("query", ""), body.get("variables") or {})


def _http(reply: Reply) -> bytes:
    head = [f"HTTP/1.1 {reply.status} X", f"Content-Length: {len(reply.body)}"]
    head += [f"{name}: {value}" for name, value in reply.headers.items()]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + reply.body
