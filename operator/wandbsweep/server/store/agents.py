"""Agents: who asks for runs of a sweep, and when they last did."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from wandbsweep.server.store.tables import agents

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class Agent:
    """A row of `agents`."""

    id: int
    sweep_id: int
    name: str
    host: str
    created_at: float
    heartbeat_at: float
    told_to_exit: bool


def add(connection: Connection, sweep_id: int, host: str, *, now: float) -> Agent:
    name = secrets.token_hex(5)
    statement = insert(agents).values(
        sweep_id=sweep_id, name=name, host=host, created_at=now, heartbeat_at=now, told_to_exit=False
    )
    return Agent(**connection.execute(statement.returning(*agents.c)).mappings().one())


def get(connection: Connection, agent_id: int) -> Agent | None:
    row = connection.execute(select(agents).where(agents.c.id == agent_id)).mappings().one_or_none()
    return Agent(**row) if row else None


def of_sweep(connection: Connection, sweep_id: int, *, after: int, first: int) -> list[Agent]:
    """Newest first: a sweep keeps every agent it ever had, and the older ones have little more to tell."""
    query = select(agents).where(agents.c.sweep_id == sweep_id).order_by(agents.c.id.desc())
    rows = connection.execute(query.offset(after).limit(first))
    return [Agent(**row) for row in rows.mappings()]


def find(connection: Connection, sweep_id: int, name: str) -> Agent | None:
    chosen = select(agents).where(agents.c.sweep_id == sweep_id, agents.c.name == name)
    row = connection.execute(chosen.limit(1)).mappings().one_or_none()
    return Agent(**row) if row else None


def touch(connection: Connection, agent_id: int, *, now: float) -> None:
    connection.execute(update(agents).where(agents.c.id == agent_id).values(heartbeat_at=now))


def told_to_exit(connection: Connection, agent_id: int) -> None:
    connection.execute(update(agents).where(agents.c.id == agent_id).values(told_to_exit=True))
