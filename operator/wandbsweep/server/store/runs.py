"""Runs as they are stored; which change is allowed when is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, func, insert, or_, select, update

from wandbsweep.server.store import portable
from wandbsweep.server.store.tables import runs, sweeps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

PENDING, RUNNING, PREEMPTING, PREEMPTED = "pending", "running", "preempting", "preempted"
FINISHED, FAILED, KILLED, CRASHED = "finished", "failed", "killed", "crashed"
TERMINAL = (FINISHED, FAILED, KILLED, CRASHED)
UNFINISHED = (PENDING, RUNNING, PREEMPTING, PREEMPTED)
ALIVE = (PENDING, RUNNING, PREEMPTING)


@dataclass(frozen=True)
class Run:
    """A row of `runs`."""

    id: int
    project_id: int
    name: str
    sweep_id: int | None
    agent_id: int | None
    state: str
    exitcode: int | None
    display_name: str | None
    description: str | None
    notes: str | None
    tags: str
    group_name: str | None
    job_type: str | None
    commit: str | None
    host: str | None
    program: str | None
    config: str
    sampled: str | None
    summary: str
    system_metrics: str
    history_keys: str
    last_step: int
    history_count: int
    event_count: int
    log_count: int
    metric_min: float | None
    metric_max: float | None
    resumed: bool
    deliveries: int
    handed_at: float | None
    listed_at: float | None
    streamed_at: float | None
    stop_requested_at: float | None
    created_at: float
    updated_at: float

    @property
    def heartbeat_at(self) -> float | None:
        signs = [sign for sign in (self.listed_at, self.streamed_at) if sign is not None]
        return max(signs) if signs else None


def add(connection: Connection, project_id: int, name: str, *, now: float, **values: Any) -> Run:
    statement = insert(runs).values(project_id=project_id, name=name, created_at=now, updated_at=now, **values)
    return Run(**connection.execute(statement.returning(*runs.c)).mappings().one())


def get(connection: Connection, run_id: int) -> Run | None:
    row = connection.execute(select(runs).where(runs.c.id == run_id)).mappings().one_or_none()
    return Run(**row) if row else None


def find(connection: Connection, project_id: int, name: str) -> Run | None:
    row = (
        connection.execute(select(runs).where(runs.c.project_id == project_id, runs.c.name == name))
        .mappings()
        .one_or_none()
    )
    return Run(**row) if row else None


def change(connection: Connection, run_id: int, **values: Any) -> None:
    connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


def change_where(connection: Connection, condition: ColumnElement[bool], **values: Any) -> None:
    connection.execute(update(runs).where(condition).values(**values))


def remove(connection: Connection, run_id: int) -> None:
    connection.execute(delete(runs).where(runs.c.id == run_id))


def remove_where(connection: Connection, condition: ColumnElement[bool]) -> None:
    connection.execute(delete(runs).where(condition))


def page(
    connection: Connection,
    condition: ColumnElement[bool],
    *,
    order: Sequence[ColumnElement[Any]] = (),
    after: int = 0,
    first: int | None = None,
) -> list[Run]:
    """Runs under a condition; oldest first unless told otherwise."""
    query = select(runs).where(condition).order_by(*order, runs.c.id).offset(after)
    rows = connection.execute(query.limit(first) if first is not None else query)
    return [Run(**row) for row in rows.mappings()]


def count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(runs).where(condition)).scalar_one()


def count_by_state(connection: Connection, sweep_id: int) -> dict[str, int]:
    rows = connection.execute(
        select(runs.c.state, func.count().label("number")).where(runs.c.sweep_id == sweep_id).group_by(runs.c.state)
    )
    return {row.state: row.number for row in rows}


def unfinished_of_agent(connection: Connection, agent_id: int) -> list[Run]:
    return page(connection, and_(runs.c.agent_id == agent_id, runs.c.state.in_(ALIVE)))


def silent_since(connection: Connection, moment: float) -> list[int]:
    """Runs that are not over and have shown no sign of life since a moment, of those from which one may be expected.

    None comes from a run that waits for an agent, from one that never said where it runs (a record that some client
    keeps), and from one that a scheduler logs to, which ends without a word and is opened again.
    """
    columns = runs.c
    last_sign = portable.latest(func.coalesce(columns.listed_at, 0), func.coalesce(columns.streamed_at, 0))
    begun = or_(columns.agent_id.is_not(None), columns.listed_at.is_not(None), columns.streamed_at.is_not(None))
    somewhere = or_(columns.sweep_id.is_not(None), columns.host.is_not(None), columns.program.is_not(None))
    of_scheduler = exists().where(sweeps.c.project_id == columns.project_id, sweeps.c.controller_run == columns.name)
    query = select(columns.id).where(columns.state.in_(ALIVE), last_sign < moment, begun, somewhere, ~of_scheduler)
    return list(connection.execute(query.order_by(columns.id)).scalars())


def of_project(project_id: int) -> ColumnElement[bool]:
    """Said to be likely, so that SQLite goes by what else is asked for where it can: a project has very many runs."""
    return portable.likely(runs.c.project_id == project_id)


def in_states(states: Iterable[str], *, sweep_id: int | None = None) -> ColumnElement[bool]:
    condition = runs.c.state.in_(tuple(states))
    return condition if sweep_id is None else and_(condition, runs.c.sweep_id == sweep_id)
