"""The database: many readers, one writer at a time, and nothing acknowledged that is not committed.

SQLite in WAL mode with `synchronous=NORMAL`: a commit is in the operating system's hands before the client gets its
answer, so a killed server loses nothing. Only a machine that loses power may lose the last commits (never the file's
consistency); waiting for the disk on every heartbeat would cost ten times the time to guard against that.

PostgreSQL as it is set up by who runs it. One writer at a time here, too: the life of sweeps is told in steps that
nobody may come between, and one server uses one database, which an advisory lock sees to.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import ArgumentError, DBAPIError

from wandbsweep.server.settings import SettingsError
from wandbsweep.server.store.migrations import add_missing_columns
from wandbsweep.server.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine, Table

_BUSY_MILLISECONDS = 10_000
_LONGEST_STATEMENT_MILLISECONDS = 30_000
_SECONDS_TO_CONNECT = 10
_WRITES = "wandbsweep_writes"
_LOCK: Final = 0x77616E6462  # "wandb": one server in each database of PostgreSQL


class Database:
    """One database, its connections and the lock that writers take."""

    def __init__(self, url: str, *, connections: int = 16) -> None:
        location = _location(url)
        self._engine = _sqlite(location, connections) if _is_sqlite(location) else _postgresql(location, connections)
        self._writing = threading.Lock()
        self._alone: Connection | None = None
        try:
            if not _is_sqlite(location):
                self._alone = _lock(self._engine)
            metadata.create_all(self._engine)
            with self.write() as connection:
                add_missing_columns(connection)
        except DBAPIError as error:
            self.close()
            words = " ".join(str(error.orig).split())
            raise SettingsError(f"--database-url {location.render_as_string()} cannot be used: {words}") from None
        except SettingsError:
            self.close()
            raise

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
        if self._alone is not None:
            self._alone.close()
        self._engine.dispose()


def _location(url: str) -> URL:
    try:
        location = make_url(url)
    except ArgumentError:
        raise SettingsError("--database-url is not a URL: use sqlite:///PATH or postgresql://HOST/NAME") from None
    if location.get_backend_name() not in ("sqlite", "postgresql") or not location.database:
        raise SettingsError(
            f"--database-url {location.render_as_string()} is not supported: use sqlite:///PATH or "
            "postgresql://USER:PASSWORD@HOST/NAME"
        )
    return location


def _is_sqlite(location: URL) -> bool:
    return location.get_backend_name() == "sqlite"


def _sqlite(location: URL, connections: int) -> Engine:
    Path(location.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(location, pool_size=connections, max_overflow=0)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _postgresql(location: URL, connections: int) -> Engine:
    """Tries a connection before it is used, so that a database that was started anew costs nobody a failure."""
    return create_engine(
        location.set(drivername="postgresql+psycopg"),
        pool_size=connections + 1,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": _SECONDS_TO_CONNECT,
            "options": f"-c statement_timeout={_LONGEST_STATEMENT_MILLISECONDS} -c timezone=UTC",
        },
    )


def _lock(engine: Engine) -> Connection:
    """Two servers on one database would hand out the same runs twice; the lock goes with its connection."""
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}).scalar_one():
        connection.close()
        raise SettingsError("--database-url: the database is in use by another server: stop it first")
    return connection


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str],
) -> None:
    """Inserts rows; where the unique `key` is taken, the columns named in `update` are overwritten."""
    insert: Any = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = insert(table)
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
