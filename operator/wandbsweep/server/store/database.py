"""The database: many readers, one writer at a time, and nothing acknowledged that is not committed.

SQLite in WAL mode with `synchronous=NORMAL`: a commit is in the operating system's hands before the client gets its
answer, so a killed server loses nothing. Only a machine that loses power may lose the last commits (never the file's
consistency); waiting for the disk on every heartbeat would cost ten times the time to guard against that.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import ArgumentError

from wandbsweep.server.settings import SettingsError
from wandbsweep.server.store.migrations import add_missing_columns
from wandbsweep.server.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Table

_BUSY_MILLISECONDS = 10_000
_WRITES = "wandbsweep_writes"


class Database:
    """One database file, its connections and the lock that writers take."""

    def __init__(self, url: str, *, connections: int = 16) -> None:
        location = _location(url)
        Path(location.database or "").parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(location, pool_size=connections, max_overflow=0)
        self._writing = threading.Lock()
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)
        metadata.create_all(self._engine)
        with self.write() as connection:
            add_missing_columns(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees each statement's own moment; it must not write."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed when the block ends, before anyone is told of it."""
        with self._writing, self._engine.connect() as connection:
            writing = connection.execution_options(**{_WRITES: True})
            with writing.begin():
                yield writing

    def close(self) -> None:
        self._engine.dispose()


def _location(url: str) -> URL:
    try:
        location = make_url(url)
    except ArgumentError:
        raise SettingsError("--database-url is not a URL: use sqlite:///PATH") from None
    if location.get_backend_name() != "sqlite" or not location.database:
        raise SettingsError(f"--database-url {location.render_as_string()} is not supported: use sqlite:///PATH")
    return location


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str],
) -> None:
    """Inserts rows; where the unique `key` is taken, the columns named in `update` are overwritten."""
    statement = sqlite_insert(table)
    statement = statement.on_conflict_do_update(
        index_elements=key, set_={name: statement.excluded[name] for name in update}
    )
    connection.execute(statement, list(rows))


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
