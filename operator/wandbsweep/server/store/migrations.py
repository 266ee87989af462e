"""What the database of an older server lacks is added when it is opened, before anybody reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, select, text, update

from wandbsweep.server.search import is_searched_elsewhere
from wandbsweep.server.store.names import new_name
from wandbsweep.server.store.tables import metadata, sweeps

if TYPE_CHECKING:
    from sqlalchemy import Column


def add_missing_columns(connection: Connection) -> None:
    """Adds the columns that came after the database was made, and what the rows that are there have in them."""
    known = inspect(connection)
    for table in metadata.sorted_tables:
        there = {column["name"] for column in known.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                _add(connection, table.name, column)
    _complete_sweeps(connection)


def _add(connection: Connection, table: str, column: Column[Any]) -> None:
    """Without NOT NULL, which SQLite would not take for a column that has no value yet."""
    kind = column.type.compile(connection.dialect)
    connection.execute(text(f'ALTER TABLE {table} ADD COLUMN "{column.name}" {kind}'))


def _complete_sweeps(connection: Connection) -> None:
    columns = sweeps.c
    incomplete = columns.controller_run.is_(None) | columns.searched_elsewhere.is_(None)
    for row in connection.execute(select(columns.id, columns.definition).where(incomplete)).all():
        elsewhere = is_searched_elsewhere(json.loads(row.definition))
        values = {"controller_run": new_name(), "searched_elsewhere": elsewhere}
        connection.execute(update(sweeps).where(columns.id == row.id).values(**values))
