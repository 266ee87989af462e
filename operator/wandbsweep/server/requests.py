"""What every handler of a request needs: the server behind it, a thread for its work, and the client's own URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from anyio import to_thread

from wandbsweep.server.context import Server
from wandbsweep.server.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

T = TypeVar("T")


def server_of(request: Request) -> Server:
    server = request.app.state.server
    assert isinstance(server, Server)  # noqa: S101 - `create_app` puts nothing else there
    return server


def base_url(request: Request) -> str:
    """Where this client reaches the server: links that it gets must lead there too."""
    configured = server_of(request).settings.public_url
    return (configured or f"{request.url.scheme}://{request.url.netloc}").rstrip("/")


def refuse_pages(request: Request) -> None:
    """Nothing is changed by a request that a page made.

    A browser that knows the key, for the sake of our own pages, sends it along with whatever the page of somebody else
    posts here. Ours post nothing; browsers say where a post comes from, and nobody else does.
    """
    if "origin" in request.headers or "sec-fetch-site" in request.headers:
        raise ForbiddenError("this address is for programs: it takes nothing that the page of a browser sends")


async def in_thread(request: Request, work: Callable[[], T]) -> T:
    """Database work never runs on the event loop, and never on more threads than there are connections."""
    return await to_thread.run_sync(work, limiter=request.app.state.workers)
