"""Projects: they come into being when a sweep or a run first names them, as on W&B."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from wandbsweep.server.errors import BadRequestError
from wandbsweep.server.store.tables import projects

if TYPE_CHECKING:
    from sqlalchemy import Connection

UNCATEGORIZED = "uncategorized"
_FORBIDDEN = set("/\\#?%:")
_LONGEST_NAME = 128


@dataclass(frozen=True)
class Project:
    """A row of `projects`."""

    id: int
    entity: str
    name: str
    description: str | None
    created_at: float


def find(connection: Connection, entity: str, name: str | None) -> Project | None:
    row = (
        connection.execute(
            select(projects).where(projects.c.entity == entity, projects.c.name == (name or UNCATEGORIZED))
        )
        .mappings()
        .one_or_none()
    )
    return Project(**row) if row else None


def get(connection: Connection, project_id: int) -> Project:
    return Project(**connection.execute(select(projects).where(projects.c.id == project_id)).mappings().one())


def ensure(connection: Connection, entity: str, name: str | None, *, now: float) -> tuple[Project, bool]:
    """The project of that name, and whether it had to be made."""
    if project := find(connection, entity, name):
        return project, False
    name = name or UNCATEGORIZED
    if len(name) > _LONGEST_NAME or _FORBIDDEN & set(name) or not name.isprintable():
        raise BadRequestError(
            f"project name {name!r} is not allowed: use at most {_LONGEST_NAME} characters, none of / \\ # ? % :"
        )
    statement = insert(projects).values(entity=entity, name=name, created_at=now).returning(*projects.c)
    return Project(**connection.execute(statement).mappings().one()), True


def page(connection: Connection, entity: str, *, after: int, first: int) -> list[Project]:
    rows = connection.execute(
        select(projects).where(projects.c.entity == entity).order_by(projects.c.name).offset(after).limit(first)
    )
    return [Project(**row) for row in rows.mappings()]


def count(connection: Connection, entity: str) -> int:
    return connection.execute(select(func.count()).where(projects.c.entity == entity)).scalar_one()
