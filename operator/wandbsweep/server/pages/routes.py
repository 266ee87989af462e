"""The addresses of the pages: those that the SDK prints for sweeps and runs, and a list of all sweeps."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from wandbsweep.server.digits import whole_number
from wandbsweep.server.errors import KeyRejectedError, RequestError
from wandbsweep.server.pages import views
from wandbsweep.server.requests import in_thread, server_of
from wandbsweep.server.tenancy import owned_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from starlette.requests import Request

_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_LARGEST_OFFSET = 10**9

_templates = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_templates.globals["style"] = _STYLE
_templates.filters |= {"number": views.number, "moment": views.moment}

# Nothing but the one style sheet of these pages: what a run sent can never become a script, a frame or a request.
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def page_routes() -> list[Route]:
    """All pages, in the order in which they are tried."""
    return [
        Route("/", _page("sweeps.html", _all_sweeps)),
        Route("/{entity}/{project}", _page("sweeps.html", _sweeps_of_project)),
        Route("/{entity}/{project}/sweeps/{sweep}", _page("sweep.html", _sweep)),
        Route("/{entity}/{project}/runs/{run}", _page("run.html", _run)),
    ]


def _page(template: str, show: Callable[[Connection, str, dict[str, str], int], dict[str, Any]]) -> Any:
    async def respond(request: Request) -> Response:
        server = server_of(request)
        try:
            user = server.keys.owner(request.headers.get("authorization"))
        except KeyRejectedError as error:
            return _failure(error, {"WWW-Authenticate": 'Basic realm="wandbsweep: user api, password is the API key"'})

        def work() -> str:
            with server.database.read() as connection:
                owned_by(user, request.path_params.get("entity", user.entity))
                values = show(connection, user.entity, request.path_params, _offset(request))
            return _templates.get_template(template).render(entity=user.entity, **values)

        try:
            return HTMLResponse(await in_thread(request, work), headers=_HEADERS)
        except RequestError as error:
            return _failure(error, {})

    return respond


def _failure(error: RequestError, headers: dict[str, str]) -> Response:
    text = _templates.get_template("failure.html").render(message=str(error))
    return HTMLResponse(text, error.status, headers=_HEADERS | headers)


def _offset(request: Request) -> int:
    return min(whole_number(request.query_params.get("offset", "")) or 0, _LARGEST_OFFSET)


def _all_sweeps(connection: Connection, entity: str, _: dict[str, str], offset: int) -> dict[str, Any]:
    return views.sweep_list(connection, entity, project=None, offset=offset)


def _sweeps_of_project(connection: Connection, entity: str, path: dict[str, str], offset: int) -> dict[str, Any]:
    return views.sweep_list(connection, entity, project=path["project"], offset=offset)


def _sweep(connection: Connection, entity: str, path: dict[str, str], offset: int) -> dict[str, Any]:
    return views.sweep_page(connection, entity, path["project"], path["sweep"], offset=offset)


def _run(connection: Connection, entity: str, path: dict[str, str], offset: int) -> dict[str, Any]:  # noqa: ARG001 - one signature for all pages
    return views.run_page(connection, entity, path["project"], path["run"])
