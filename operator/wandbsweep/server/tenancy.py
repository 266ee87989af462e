"""Whose something is: everything belongs to a project, and every project to one entity.

A client's key stands for one entity. What is another's does not exist for it, whether it asks by name or by id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandbsweep.server.errors import NotFoundError
from wandbsweep.server.store import projects

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wandbsweep.server.store.keys import User


def owned_by(user: User, entity: str) -> str:
    """The entity that a request names, which can only be the user's own."""
    if entity != user.entity:
        raise NotFoundError(f"entity {entity!r} does not exist on this server: leave it out, or use {user.entity!r}")
    return entity


def is_in(connection: Connection, project_id: int, user: User) -> bool:
    """Whether a project is one of the user's."""
    return projects.get(connection, project_id).entity == user.entity
