"""What a run streams line by line: history, events (system metrics) and console log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, select

from wandbsweep.server.errors import BadRequestError
from wandbsweep.server.store import portable
from wandbsweep.server.store.database import upsert
from wandbsweep.server.store.tables import history, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Table


def put(connection: Connection, table: Table, run_id: int, rows: Sequence[dict[str, Any]]) -> None:
    """Writes lines at their numbers; a line that is sent again replaces itself."""
    if rows:
        columns = [name for name in rows[0] if name != "line"]
        upsert(connection, table, [{"run_id": run_id, **row} for row in rows], key=["run_id", "line"], update=columns)


def at(connection: Connection, table: Table, run_id: int, line: int) -> str | None:
    return connection.execute(
        select(table.c.data).where(table.c.run_id == run_id, table.c.line == line)
    ).scalar_one_or_none()


def clear(connection: Connection, table: Table, run_id: int) -> None:
    connection.execute(delete(table).where(table.c.run_id == run_id))


def between(connection: Connection, table: Table, run_id: int, first: int, last: int) -> list[tuple[int, str]]:
    """Lines with `first <= number < last`, as (number, text)."""
    query = (
        select(table.c.line, table.c.data)
        .where(table.c.run_id == run_id, table.c.line >= first, table.c.line < last)
        .order_by(table.c.line)
    )
    return [(line, data) for line, data in connection.execute(query)]


def sample(
    connection: Connection, table: Table, run_id: int, samples: int, *conditions: ColumnElement[bool]
) -> list[str]:
    """At most `samples` lines, evenly spread over those that meet the conditions; first and last are among them."""
    chosen = and_(table.c.run_id == run_id, *conditions)
    total = connection.execute(select(func.count()).select_from(table).where(chosen)).scalar_one()
    if total <= samples:
        query = select(table.c.data).where(chosen).order_by(table.c.line)
        return list(connection.execute(query).scalars())
    numbered = (
        select(table.c.data, (func.row_number().over(order_by=table.c.line) - 1).label("n")).where(chosen).subquery()
    )
    spread = max(samples - 1, 1)
    wanted = {round(index * (total - 1) / spread) for index in range(samples)}
    query = select(numbered.c.data).where(numbered.c.n.in_(sorted(wanted))).order_by(numbered.c.n)
    return list(connection.execute(query).scalars())


def count_of_sweep(connection: Connection, sweep_id: int) -> int:
    """How many rows of history the runs of a sweep have sent."""
    query = select(func.coalesce(func.sum(runs.c.history_count), 0)).where(runs.c.sweep_id == sweep_id)
    return int(connection.execute(query).scalar_one())


def metric_values(connection: Connection, sweep_id: int, metric: str) -> dict[int, list[float]]:
    """Every run's values of a metric, in the order of its history."""
    value = json_field(history.c.data, metric)
    query = (
        select(history.c.run_id, portable.as_number(value))
        .join(runs, runs.c.id == history.c.run_id)
        .where(runs.c.sweep_id == sweep_id, portable.is_number(value))
        .order_by(history.c.run_id, history.c.line)
    )
    values: dict[int, list[float]] = {}
    for run_id, number in connection.execute(query):
        values.setdefault(run_id, []).append(float(number))
    return values


def json_field(column: ColumnElement[Any], key: str) -> ColumnElement[Any]:
    """A key of a JSON object; a dot in it may be part of the key or stand for nesting."""
    if '"' in key:
        raise BadRequestError(f"{key!r} has a quotation mark: such keys cannot be looked up")
    return portable.json_value(column, [key], key.split("."))
