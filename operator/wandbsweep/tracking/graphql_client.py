"""One GraphQL request to a W&B server: bounded in time, in size and in number, and strict about the answer.

Accounts share nothing but the connections: the key travels in the header of its own request, cookies are not kept, and
nothing is read from netrc, from settings files or from WANDB_* variables. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are
honoured, as by the SDK.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from http import HTTPStatus
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from wandbsweep import __version__
from wandbsweep.tracking.errors import KeyRejected, NeverSent, RateLimited, RequestRefused, ServerFault, Unreachable
from wandbsweep.tracking.failures import connection_failure, error_words, one_line, refused_status, server_name
from wandbsweep.tracking.request_budget import RequestBudget

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wandbsweep.tracking.protocol import Account

_Result = TypeVar("_Result")

# W&B opens some of its API only to clients that begin their name like this; our own name follows.
_USER_AGENT = f"W&B Public Client 0.31.0 (wandbsweep {__version__})"
_LARGEST_ANSWER = 16 * 2**20
_CONNECTIONS_PER_HOST = 64
_ATTEMPTS = 3
_FIRST_PAUSE = 0.5
_random = SystemRandom()


class AnswerTooLarge(ServerFault):
    """The answer is larger than this operator is willing to hold; asking for less at once may help."""


@dataclass(frozen=True)
class Problem:
    """One entry of the `errors` of a GraphQL answer; the path is empty when it concerns the whole request."""

    message: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A GraphQL answer; the HTTP status is 200, or a 4xx with problems that say why."""

    status: int
    data: Mapping[str, Any]
    problems: tuple[Problem, ...]

    @property
    def complaint(self) -> str:
        return "; ".join(problem.message for problem in self.problems) or "an empty answer"


class GraphQLClient:
    """Sends GraphQL requests for many accounts from one event loop."""

    def __init__(self, *, timeout_seconds: float, requests_per_account: int) -> None:
        self._timeout = timeout_seconds
        self.budget = RequestBudget(requests_per_account)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._closed = False

    async def ask(self, account: Account, query: str, variables: Mapping[str, Any]) -> Answer:
        """Send a query, up to three times while the time-out allows it; for requests that change nothing."""
        return await self.insist(lambda deadline: self.send(account, query, variables, deadline))

    async def insist(self, act: Callable[[float], Awaitable[_Result]]) -> _Result:
        """Do something up to three times while the time-out allows it; for what may be done twice.

        `act` gets the moment, on the clock of the event loop, at which all of it is given up.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._timeout
        for attempt in range(1, _ATTEMPTS):
            try:
                return await act(deadline)
            except (AnswerTooLarge, RequestRefused):
                raise
            except (Unreachable, ServerFault, RateLimited) as error:
                pause = _pause(attempt, error.retry_after_seconds)
                if self._closed or clock() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)
        return await act(deadline)

    async def send(
        self,
        account: Account,
        text: str,
        variables: Mapping[str, Any],
        deadline: float,
        *,
        fresh_connection: bool = False,
    ) -> Answer:
        """Send a request once."""
        return await self._send(account, _request(account, text, variables), deadline, fresh_connection)

    async def send_once(self, account: Account, mutation: str, variables: Mapping[str, Any]) -> Answer:
        """Send a mutation once, on a connection of its own: one that idled could break and leave a doubt."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        return await self.send(account, mutation, variables, deadline, fresh_connection=True)

    async def close(self) -> None:
        """Close every connection; requests under way end with Unreachable."""
        self._closed = True
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def _send(self, account: Account, request: _Request, deadline: float, fresh_connection: bool) -> Answer:
        exchange = _Exchange()
        try:
            async with asyncio.timeout_at(deadline), self.budget.place(account):
                session = self._session(account, fresh_connection=fresh_connection)
                async with session.post(
                    request.url,
                    data=request.body,
                    headers=request.headers,
                    proxy=_proxy(request.url),
                    allow_redirects=False,
                    trace_request_ctx=exchange,
                ) as response:
                    self.budget.note(account, response.headers)
                    return _parse(account, response, await _read(account, response))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            failure = connection_failure(account, error, sent=exchange.sent, timeout_seconds=self._timeout)
            raise failure from error

    def _session(self, account: Account, *, fresh_connection: bool) -> aiohttp.ClientSession:
        if self._closed:
            raise NeverSent(f"{server_name(account)} was not asked: the operator is shutting down")
        if fresh_connection not in self._sessions:
            connector = aiohttp.TCPConnector(
                limit=0, limit_per_host=_CONNECTIONS_PER_HOST, force_close=fresh_connection
            )
            self._sessions[fresh_connection] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                trace_configs=[_trace_sending()],
            )
        return self._sessions[fresh_connection]


@dataclass(frozen=True)
class _Request:
    url: URL
    headers: Mapping[str, str]
    body: bytes


@dataclass
class _Exchange:
    """Whether anything of one request has left this machine."""

    sent: bool = False


def _trace_sending() -> aiohttp.TraceConfig:
    async def mark(_session: object, context: Any, _params: object) -> None:
        context.trace_request_ctx.sent = True

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(mark)
    return trace


def _request(account: Account, document: str, variables: Mapping[str, Any]) -> _Request:
    body = json.dumps({"query": document, "variables": variables}).encode()
    return _Request(_address(account), _headers(account), body)


def _address(account: Account) -> URL:
    try:
        url = URL(account.base_url.rstrip("/") + "/graphql")
    except ValueError:
        url = URL()
    # What follows ? or # would take the place of /graphql, and the request go to any path of the host.
    plain = not (url.raw_query_string or url.raw_fragment or {"?", "#"} & set(account.base_url))
    if url.scheme not in {"http", "https"} or not url.host or url.user is not None or not plain:
        raise NeverSent(f"{server_name(account)} cannot be reached: the base URL must be http(s)://host[:port]")
    return url


def _headers(account: Account) -> dict[str, str]:
    key = account.api_key.strip()
    if not key:
        raise KeyRejected(f"the API key for {server_name(account)} is empty; put the key into the Secret")
    credentials = base64.b64encode(f"api:{key}".encode()).decode()
    return {
        "Authorization": f"Basic {credentials}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": _USER_AGENT,
    }


def _pause(attempt: int, asked_for: float | None) -> float:
    """How long to wait: what the server asked for and a little more, so that not all come back at once."""
    if asked_for is not None:
        return asked_for * _random.uniform(1.0, 1.1)
    doubled: float = _FIRST_PAUSE * 2 ** (attempt - 1)
    return doubled * _random.uniform(0.5, 1.5)


def _proxy(url: URL) -> str | None:
    if url.host and proxy_bypass(url.host):
        return None
    return getproxies().get(url.scheme)


async def _read(account: Account, response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            raise AnswerTooLarge(f"{server_name(account)} sent more than {_LARGEST_ANSWER // 2**20} MiB in one answer")
    return bytes(content)


def _parse(account: Account, response: aiohttp.ClientResponse, content: bytes) -> Answer:
    """Read an answer once and for all; whatever is not W&B's protocol is the server's fault."""
    parsed = _json(content)
    problems = _problems(account, parsed)
    data = parsed.get("data") if isinstance(parsed, dict) else None
    if response.status == HTTPStatus.OK and not problems and not isinstance(data, dict):
        raise ServerFault(f"{server_name(account)} answered with something that is not W&B's API; check the base URL")
    if response.status == HTTPStatus.OK or (problems and _explains_itself(response.status)):
        return Answer(response.status, data if isinstance(data, dict) else {}, problems)
    raise refused_status(account, response.status, response.headers, error_words(parsed))


def _explains_itself(status: int) -> bool:
    """Whether a refusal is about what was asked; bad keys and too many requests mean the same whatever was asked."""
    return status // 100 == 4 and status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}  # noqa: PLR2004 - 4xx


def _json(content: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(content, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def _problems(account: Account, parsed: Any) -> tuple[Problem, ...]:
    errors = parsed.get("errors") if isinstance(parsed, dict) else None
    if not isinstance(errors, list):
        return ()
    return tuple(
        Problem(
            one_line(account, str(error.get("message") or error)),
            tuple(str(step) for step in error.get("path") or () if isinstance(error.get("path"), list)),
        )
        for error in errors
        if isinstance(error, dict)
    )
