"""Which files a run has uploaded; their bytes lie in a folder, under names that this server chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from wandbsweep.server.store.database import upsert
from wandbsweep.server.store.tables import files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection


@dataclass(frozen=True)
class StoredFile:
    """A row of `files`."""

    id: int
    run_id: int
    name: str
    size: int
    md5: str
    mimetype: str
    updated_at: float


def put(connection: Connection, run_id: int, name: str, *, size: int, md5: str, mimetype: str, now: float) -> None:
    row = {"run_id": run_id, "name": name, "size": size, "md5": md5, "mimetype": mimetype, "updated_at": now}
    upsert(connection, files, [row], key=["run_id", "name"], update=["size", "md5", "mimetype", "updated_at"])


def find(connection: Connection, run_id: int, name: str) -> StoredFile | None:
    query = select(files).where(files.c.run_id == run_id, files.c.name == name)
    row = connection.execute(query).mappings().one_or_none()
    return StoredFile(**row) if row else None


def get(connection: Connection, file_id: int) -> StoredFile | None:
    row = connection.execute(select(files).where(files.c.id == file_id)).mappings().one_or_none()
    return StoredFile(**row) if row else None


def page(
    connection: Connection, run_id: int, *, names: Sequence[str], pattern: str | None, after: int, first: int
) -> list[StoredFile]:
    query = select(files).where(_chosen(run_id, names, pattern)).order_by(files.c.name).offset(after).limit(first)
    return [StoredFile(**row) for row in connection.execute(query).mappings()]


def count(connection: Connection, run_id: int) -> int:
    return connection.execute(select(func.count()).select_from(files).where(files.c.run_id == run_id)).scalar_one()


def remove(connection: Connection, file_id: int) -> None:
    connection.execute(delete(files).where(files.c.id == file_id))


def _chosen(run_id: int, names: Sequence[str], pattern: str | None) -> ColumnElement[bool]:
    condition = files.c.run_id == run_id
    if names:
        condition &= files.c.name.in_(names)
    if pattern:
        condition &= files.c.name.like(pattern)
    return condition
