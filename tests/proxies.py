"""An HTTP proxy between the operator and a server it depends on; it sees every write, and can make any go wrong.

It takes plain HTTP and speaks to the server as the server wants it, watches included, so that neither side knows of it.
"""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from yarl import URL

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from kube_client import Connection

    Question = Callable[["Call"], bool]

_HOP_BY_HOP = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length"})
_ENDS_WITHIN_SECONDS = 20.0


class Fate(Enum):
    """What becomes of a call."""

    CARRIED_OUT = "passed on both ways"
    NEVER_SENT = "the connection ends before the server hears of it"
    ANSWER_LOST = "the server does it, and the connection ends instead of an answer"
    HANGS = "no answer comes, and the server hears nothing"
    SERVER_FAULT = "500"
    TOO_MANY = "429 with Retry-After"


@dataclass(frozen=True)
class Call:
    """One request, as the server would see it."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes = field(repr=False)
    user_agent: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def says(self, *texts: str) -> bool:
        """Whether the body holds all of these."""
        return all(text.encode() in self.body for text in texts)


def is_kubernetes_write(call: Call) -> bool:
    """Changes something and is no Event; a dry run changes nothing."""
    return call.method in {"POST", "PUT", "PATCH", "DELETE"} and not (
        "dryRun" in call.query or call.path.endswith("/events")
    )


def is_wandb_write(call: Call) -> bool:
    """A GraphQL mutation of the operator; agents and runs give other names of themselves."""
    return (
        call.path == "/graphql"
        and b'"mutation ' in call.body.replace(b"\\n", b"")
        and ("wandbsweep" in call.user_agent)
    )


@dataclass
class Rule:
    """The fate of calls like these, for so many times (None: until it is lifted), and what happens just then."""

    matches: Question
    fate: Fate
    times: int | None = 1
    then: Callable[[], None] | None = None
    used: int = 0

    def applies(self, call: Call) -> bool:
        return (self.times is None or self.used < self.times) and self.matches(call)


class Proxy:
    """Runs on a free port of one address of this machine, in a thread of its own."""

    def __init__(
        self,
        server: str,
        is_write: Question,
        headers: Mapping[str, str],
        tls: ssl.SSLContext | None,
        address: str = "127.0.0.1",
    ) -> None:
        self.writes: list[Call] = []
        self.port = 0
        self._server = server
        self._is_write = is_write
        self._headers = dict(headers)
        self._tls = tls
        self._address = address
        self._rules: list[Rule] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self._address}:{self.port}"

    def rule(
        self, matches: Question, fate: Fate, *, times: int | None = 1, then: Callable[[], None] | None = None
    ) -> Rule:
        """From now on, calls for which `matches` is true have this fate; of several rules the first one decides."""
        rule = Rule(matches, fate, times, then)
        self._rules.append(rule)
        return rule

    def lift(self) -> None:
        """Everything is carried out again."""
        self._rules.clear()

    def go_down(self) -> None:
        """Connections end and new ones are refused, as when the server is not there."""
        self._do(self._close_port())

    def come_back(self) -> None:
        """On the same port."""
        self._do(self._open_port())

    def start(self) -> None:
        self._thread.start()
        self._do(self._start())

    def stop(self) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ENDS_WITHIN_SECONDS)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_ENDS_WITHIN_SECONDS)

    async def _start(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._tls or True, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        application = web.Application(client_max_size=0)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await self._open_port()

    async def _stop(self) -> None:
        self._abort_all()
        await self._runner.cleanup()
        await self._session.close()
        await asyncio.sleep(0.05)  # aiohttp closes TLS connections one turn of the loop later

    async def _open_port(self) -> None:
        self._site = web.TCPSite(self._runner, self._address, self.port, reuse_address=True)
        await self._site.start()
        self.port = self.port or int(self._site.name.rsplit(":", 1)[1])

    async def _close_port(self) -> None:
        await self._site.stop()
        self._abort_all()

    def _abort_all(self) -> None:
        """Those that wait for another request included."""
        for connection in self._runner.server.connections if self._runner.server else ():
            _abort(connection.transport)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        agent = request.headers.get("User-Agent", "")
        call = Call(request.method, request.path, dict(request.query), body, agent)
        if self._is_write(call):
            self.writes.append(call)
        rule = next((rule for rule in self._rules if rule.applies(call)), None)
        if rule is None:
            return await self._pass_on(request, body)
        rule.used += 1
        return await self._suffer(rule, request, body)

    async def _suffer(self, rule: Rule, request: web.Request, body: bytes) -> web.StreamResponse:
        if rule.fate is Fate.ANSWER_LOST:
            with suppress(aiohttp.ClientError):  # a server that is down loses the answer, too
                async with self._ask(request, body) as answer:
                    await answer.read()
        if rule.then:
            await asyncio.to_thread(rule.then)
        match rule.fate:
            case Fate.CARRIED_OUT:
                return await self._pass_on(request, body)
            case Fate.SERVER_FAULT:
                return web.Response(status=500, text="etcdserver: request timed out")
            case Fate.TOO_MANY:
                return web.Response(status=429, headers={"Retry-After": "1"}, text="too many requests")
            case Fate.HANGS:
                await asyncio.Event().wait()
            case Fate.NEVER_SENT | Fate.ANSWER_LOST:
                _abort(request.transport)
        return web.Response()

    def _ask(self, request: web.Request, body: bytes) -> Any:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        url = URL(self._server + request.raw_path, encoded=True)
        return self._session.request(request.method, url, data=body or None, headers={**headers, **self._headers})

    async def _pass_on(self, request: web.Request, body: bytes) -> web.StreamResponse:
        try:
            async with self._ask(request, body) as answer:
                headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
                response = web.StreamResponse(status=answer.status, headers=headers)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientConnectionError:
            _abort(request.transport)
            return web.Response()


def _abort(transport: asyncio.BaseTransport | None) -> None:
    with suppress(AttributeError):
        transport.abort()  # type: ignore[union-attr] # a transport that is gone has none


@contextmanager
def kubernetes_proxy(connection: Connection) -> Iterator[Proxy]:
    """Between the operator and an API server; it has the credentials, so that the operator needs none."""
    with _running(Proxy(connection.server, is_kubernetes_write, connection.headers, connection.tls)) as proxy:
        yield proxy


@contextmanager
def wandb_proxy(server: str, address: str = "127.0.0.1") -> Iterator[Proxy]:
    """Between a W&B server and whoever is told this address: the operator, or everybody in a cluster."""
    with _running(Proxy(server, is_wandb_write, {}, None, address)) as proxy:
        yield proxy


@contextmanager
def _running(proxy: Proxy) -> Iterator[Proxy]:
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
