"""Looks a sweep up by the marker that its creator left in it, page by page through a project.

The marker is a line of its own in the description: one object's marker may begin like that of another.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wandbsweep.tracking import documents
from wandbsweep.tracking.answer_fields import a_text, an_object, an_object_or_none, nodes
from wandbsweep.tracking.config_text import parse_config
from wandbsweep.tracking.errors import KeyRejected, ServerFault
from wandbsweep.tracking.failures import server_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.tracking.graphql_client import Answer, GraphQLClient
    from wandbsweep.tracking.protocol import Account

_SWEEPS_PER_PAGE = 100
_MOST_PAGES = 200


async def find_sweep(client: GraphQLClient, account: Account, *, entity: str, project: str, marker: str) -> str | None:
    """Return the ID of the sweep that holds the marker; None when no sweep does, or there is no such project.

    The order of the pages is the server's: newest first, so that a sweep is found soon after it was created. A project
    that is too large to be looked through is an error, never None: None means that a sweep may be created.

    Raises:
        MalformedAnswerError: a field is missing or of the wrong kind.
    """
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        variables = {"entity": entity, "project": project, "cursor": cursor, "perPage": _SWEEPS_PER_PAGE}
        answer = await client.ask(account, documents.LIST_SWEEPS, variables)
        page = _page(account, answer, f"{entity}/{project}")
        if page is None:
            return None
        for sweep in nodes(page):
            if _holds(sweep, marker):
                return a_text(sweep, "name")
        info = an_object(page, "pageInfo")
        if not info.get("hasNextPage"):
            return None
        if info.get("endCursor") in {None, "", cursor}:
            break
        cursor = a_text(info, "endCursor")
    raise ServerFault(f"{server_name(account)} lists the sweeps of {entity}/{project} without an end")


def _holds(sweep: Mapping[str, Any], marker: str) -> bool:
    """Whether the marker stands in a sweep; a config is parsed only where it may."""
    description, config = sweep.get("description"), str(sweep.get("config") or "")
    if _has_line(description, marker):
        return True
    return marker in config and _has_line(parse_config(config).get("description"), marker)


def _has_line(text: object, line: str) -> bool:
    return isinstance(text, str) and any(each.strip() == line for each in text.splitlines())


def _page(account: Account, answer: Answer, place: str) -> Mapping[str, Any] | None:
    server = server_name(account)
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    if answer.problems:
        kind = KeyRejected if answer.status == HTTPStatus.FORBIDDEN else ServerFault
        raise kind(f"{server} does not list the sweeps of {place}: {answer.complaint}")
    project = an_object_or_none(answer.data, "project")
    return None if project is None else an_object(project, "sweeps")
