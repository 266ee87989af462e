"""The application: its routes as one table, what it opens when it starts and closes when it ends."""

from __future__ import annotations

import functools
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from wandbsweep.server import bodies, filestream, graphql, uploads
from wandbsweep.server.auth import open_keys
from wandbsweep.server.context import Listening, Server
from wandbsweep.server.digits import whole_number
from wandbsweep.server.errors import NotFoundError, RequestError
from wandbsweep.server.housekeeping import Housekeeper
from wandbsweep.server.pages.routes import page_routes
from wandbsweep.server.requests import base_url, in_thread, refuse_pages, server_of
from wandbsweep.server.resolvers.request import GraphQLRequest
from wandbsweep.server.signing import Signer
from wandbsweep.server.store import keys
from wandbsweep.server.store.database import Database
from wandbsweep.server.tenancy import owned_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from wandbsweep.server.settings import ServerSettings
    from wandbsweep.server.store.keys import User

# Threads that answer requests; each may hold one database connection.
_WORKERS = 12


def create_app(settings: ServerSettings) -> Starlette:
    """The server as an ASGI application; the database is opened here, so that a wrong setting is known at once."""
    server = open_server(settings)
    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/graphql", post_graphql, methods=["POST"]),
            Route("/files/{entity}/{project}/{run}/file_stream", post_file_stream, methods=["POST"]),
            Route("/files/{entity}/{project}/{run}/{name:path}", get_file),
            Route("/storage/{run_id}/{name:path}", put_stored_file, methods=["PUT"]),
            Route("/storage/{run_id}/{name:path}", get_stored_file),
            *page_routes(),
        ],
        exception_handlers={RequestError: refuse, SQLAlchemyError: refuse_for_the_database, ClientDisconnect: give_up},
        lifespan=_lifespan,
    )
    app.state.server = server
    app.state.workers = anyio.CapacityLimiter(_WORKERS)
    return app


def open_server(settings: ServerSettings) -> Server:
    """Opens the database and makes what is missing in it."""
    database = Database(settings.resolved_database_url)
    now = Server.now()
    ring, written = open_keys(database, settings, now=now)
    if written is not None:
        print(f"A new API key was written to {written}", flush=True)  # noqa: T201 - the one message for who starts it
    with database.write() as connection:
        signer = Signer(keys.signing_secret(connection))
    return Server(settings, database, ring, signer, Listening(now))


async def healthz(request: Request) -> Response:
    """Alive and able to read the database; asked by Kubernetes, so without a key."""

    def ask() -> None:
        with server_of(request).database.read() as connection:
            connection.execute(text("SELECT 1"))

    await in_thread(request, ask)
    return JSONResponse({"status": "ok"})


async def post_graphql(request: Request) -> Response:
    refuse_pages(request)
    server = server_of(request)
    user = server.keys.owner(request.headers.get("authorization"))
    body = await bodies.read_body(request)
    encoding = request.headers.get("content-encoding")

    def work() -> tuple[int, str]:
        context = GraphQLRequest(server, user, base_url(request), request.headers.get("user-agent", ""))
        answer = graphql.answer(bodies.unpack(body, encoding), context)
        return answer.status, json.dumps(answer.body, allow_nan=False)

    status, content = await in_thread(request, work)
    return Response(content, status, media_type="application/json")


async def post_file_stream(request: Request) -> Response:
    refuse_pages(request)
    server = server_of(request)
    user = server.keys.owner(request.headers.get("authorization"))
    body = await bodies.read_body(request)
    encoding = request.headers.get("content-encoding")
    path = request.path_params

    def work() -> dict[str, Any]:
        text = bodies.unpack(body, encoding)
        return filestream.receive(server, owned_by(user, path["entity"]), path["project"], path["run"], text)

    return JSONResponse(await in_thread(request, work))


async def get_file(request: Request) -> Response:
    """A run's file under the URL that `wandb.Api` shows; the key is needed."""
    server = server_of(request)
    user = server.keys.owner(request.headers.get("authorization"))
    return await in_thread(request, functools.partial(_file_by_path, server, user, dict(request.path_params)))


async def get_stored_file(request: Request) -> Response:
    server = server_of(request)
    run_id, name = _check_link(request, "GET")
    return await in_thread(request, functools.partial(_file_response, server, run_id, name))


async def put_stored_file(request: Request) -> Response:
    run_id, name = _check_link(request, "PUT")
    await uploads.receive(server_of(request), run_id, name, request)
    return Response(status_code=200)


async def refuse(_: Request, error: Exception) -> Response:
    """A client's mistake, in words; browsers and the SDK's upload get the same shape as GraphQL."""
    assert isinstance(error, RequestError)  # noqa: S101 - the handler is registered for nothing else
    answer = graphql.failure(error)
    return JSONResponse(answer.body, answer.status)


async def refuse_for_the_database(_: Request, error: Exception) -> Response:
    """What the database would not take is the client's mistake; that it does not answer is ours, and may pass."""
    assert isinstance(error, SQLAlchemyError)  # noqa: S101 - the handler is registered for nothing else
    answer = graphql.failure(graphql.database_trouble(error))
    return JSONResponse(answer.body, answer.status)


async def give_up(_: Request, __: Exception) -> Response:
    """The client hung up in the middle of its request: nobody hears this answer, and nothing is wrong here."""
    return Response(status_code=400)


def _check_link(request: Request, method: str) -> tuple[int, str]:
    server = server_of(request)
    run_id, name = whole_number(request.path_params["run_id"]), request.path_params["name"]
    if run_id is None:
        raise NotFoundError("there is no such run: its number is one that no link has")
    query = request.query_params
    signature = query.get("signature", "")
    server.signer.check(method, run_id, name, expires=query.get("expires", ""), signature=signature, now=server.now())
    return run_id, name


def _file_by_path(server: Server, user: User, path: dict[str, str]) -> Response:
    run = filestream.find_run(server, owned_by(user, path["entity"]), path["project"], path["run"])
    return _file_response(server, run.id, path["name"])


def _file_response(server: Server, run_id: int, name: str) -> Response:
    stored, path = uploads.find(server, run_id, name)
    # Whatever a run uploads is data: a browser saves it and never runs it with this server's credentials.
    headers = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=stored.mimetype, filename=name.rpartition("/")[2], headers=headers)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    server: Server = app.state.server
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Housekeeper(server).work)
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()
    server.database.close()
