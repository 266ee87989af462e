"""Users, their API keys (as digests) and the server's own secret."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from wandbsweep.server.store.tables import api_keys, meta, users

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SIGNING_SECRET = "signing-secret"  # noqa: S105 - the name of the row, not the secret
INITIAL_KEY = "initial"


@dataclass(frozen=True)
class User:
    """A row of `users`."""

    id: int
    name: str
    entity: str


def signing_secret(connection: Connection) -> bytes:
    """The secret that upload links are signed with; made once, kept with the data so that links outlive a restart."""
    found = connection.execute(select(meta.c.value).where(meta.c.key == _SIGNING_SECRET)).scalar_one_or_none()
    if found is None:
        found = secrets.token_hex(32)
        connection.execute(insert(meta).values(key=_SIGNING_SECRET, value=found))
    return bytes.fromhex(found)


def ensure_user(connection: Connection, name: str, entity: str) -> User:
    query = select(users).where(users.c.name == name)
    if connection.execute(query).one_or_none() is None:
        connection.execute(insert(users).values(name=name, entity=entity))
    return User(**connection.execute(query).mappings().one())


def has_key(connection: Connection, user_id: int) -> bool:
    return connection.execute(select(api_keys.c.id).where(api_keys.c.user_id == user_id)).first() is not None


def set_initial_key(connection: Connection, user_id: int, digest: str, *, now: float) -> None:
    """The key given at start-up; a changed one replaces the former, so that rotating the Secret revokes the old key."""
    current = connection.execute(select(api_keys).where(api_keys.c.name == INITIAL_KEY)).one_or_none()
    if current is not None:
        connection.execute(
            api_keys.update().where(api_keys.c.id == current.id).values(user_id=user_id, digest=digest, created_at=now)
        )
        return
    connection.execute(insert(api_keys).values(user_id=user_id, name=INITIAL_KEY, digest=digest, created_at=now))


def digests(connection: Connection) -> list[tuple[str, User]]:
    """Every key's digest with its owner."""
    rows = connection.execute(
        select(api_keys.c.digest, users.c.id, users.c.name, users.c.entity).join(
            users, users.c.id == api_keys.c.user_id
        )
    )
    return [(digest, User(identity, name, entity)) for digest, identity, name, entity in rows]
