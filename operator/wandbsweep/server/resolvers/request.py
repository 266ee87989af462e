"""What a resolver knows about the request it answers, and the shapes that resolvers share."""

from __future__ import annotations

import base64
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from wandbsweep.server.digits import whole_number
from wandbsweep.server.errors import BadRequestError
from wandbsweep.server.tenancy import owned_by

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphql import GraphQLResolveInfo
    from sqlalchemy import Connection
    from typing_extensions import Self

    from wandbsweep.server.context import Server
    from wandbsweep.server.store.keys import User

    Info: TypeAlias = GraphQLResolveInfo["GraphQLRequest"]

LARGEST_PAGE = 1000
# Lists within lists can ask for billions of rows in a few lines; the SDK itself gives up after 30 s at most.
_LONGEST_SECONDS = 30.0


@dataclass
class GraphQLRequest:
    """One request: whose it is, through which URL and by which program, and its connection while it is executed."""

    server: Server
    user: User
    base_url: str
    user_agent: str = ""
    _open: ExitStack = field(default_factory=ExitStack)
    _connection: Connection | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def connection(self) -> Connection:
        """For reading; it sees what this request's mutations have committed. Nobody reads for longer than a while."""
        if time.monotonic() - self._began > _LONGEST_SECONDS:
            raise BadRequestError(f"the query takes longer than {_LONGEST_SECONDS:g} s: ask for less at once")
        if self._connection is None:
            self._connection = self._open.enter_context(self.server.database.read())
        return self._connection

    @property
    def now(self) -> float:
        return self.server.now()

    @property
    def somebody_waits(self) -> bool:
        """Whether `wandb.Api` asks for somebody, who wants an answer rather than that it is tried again and again."""
        return self.user_agent.startswith("W&B Public Client")

    def entity(self, name: str | None) -> str:
        """The entity asked for; none means the user's own."""
        return owned_by(self.user, name) if name else self.user.entity

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection = None
        self._open.close()


def node_id(kind: str, number: int) -> str:
    """An opaque id in the form that W&B's ids have."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def number_of(kind: str, identity: str) -> int | None:
    """The number behind a `node_id` of that kind; none for anything else."""
    try:
        name, _, number = base64.b64decode(identity, validate=True).decode().partition(":")
    except ValueError:
        return None
    return whole_number(number) if name == kind else None


def iso(moment: float | None) -> str | None:
    """A time as W&B writes it."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def connection_page(
    fetch: Callable[[int, int], Sequence[Any]], *, after: str | None, first: int | None
) -> dict[str, Any]:
    """A page of a listing. `fetch(offset, limit)` is asked for one more than is shown, to know whether more follow."""
    offset = offset_of(after)
    limit = LARGEST_PAGE if first is None else max(0, min(first, LARGEST_PAGE))
    found = fetch(offset, limit + 1)
    shown = found[:limit]
    return {
        "edges": [{"node": node, "cursor": str(offset + index)} for index, node in enumerate(shown, start=1)],
        "pageInfo": {
            "hasNextPage": len(found) > limit,
            "endCursor": str(offset + len(shown)) if shown else after,
        },
    }


def offset_of(cursor: str | None) -> int:
    """Where a page begins."""
    if not cursor:
        return 0
    offset = whole_number(cursor)
    if offset is None:
        raise BadRequestError(f"cursor {cursor!r} was not made by this server")
    return offset
