"""API keys: who sends a request.

A key has 40 or more random characters, so a plain SHA-256 of it cannot be searched: there is nothing to guess, and a
slow hash would only cost the same time on every heartbeat. The database holds digests only, and the comparison takes
the same time whatever is sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from typing import TYPE_CHECKING

from wandbsweep.server.errors import KeyRejectedError
from wandbsweep.server.settings import API_KEY_VARIABLE, ServerSettings, SettingsError
from wandbsweep.server.store import keys

if TYPE_CHECKING:
    from pathlib import Path

    from wandbsweep.server.store.database import Database
    from wandbsweep.server.store.keys import User

_KEY_SHAPE = re.compile(r"([A-Za-z0-9_.-]+-)?[A-Za-z0-9_-]{40,}")
_GENERATED_BYTES = 20


class KeyRing:
    """All keys of the server, in memory: they are few, and asked for with every request."""

    def __init__(self, digests: list[tuple[str, User]]) -> None:
        self._digests = digests

    def owner(self, authorization: str | None) -> User:
        """The user whose key an `Authorization` header carries."""
        given = _digest(_key_in(authorization)).encode()
        found = None
        for digest, user in self._digests:
            if hmac.compare_digest(digest.encode(), given):
                found = user
        if found is None:
            raise KeyRejectedError("API key is not known to this server: check WANDB_API_KEY and WANDB_BASE_URL")
        return found


def open_keys(database: Database, settings: ServerSettings, *, now: float) -> tuple[KeyRing, Path | None]:
    """The keys of the server; the path is that of the file with a key that had to be made, which happens once."""
    given = _given_key(settings)
    written = None
    with database.write() as connection:
        user = keys.ensure_user(connection, settings.entity, settings.entity)
        if given is None and not keys.has_key(connection, user.id):
            given = secrets.token_hex(_GENERATED_BYTES)
            written = _write_key(settings.data_path / "api-key", given)
        if given is not None:
            keys.set_initial_key(connection, user.id, _digest(given), now=now)
        return KeyRing(keys.digests(connection)), written


def _given_key(settings: ServerSettings) -> str | None:
    key, source = os.environ.get(API_KEY_VARIABLE), API_KEY_VARIABLE
    if settings.api_key_file:
        source = f"--api-key-file {settings.api_key_file}"
        try:
            with open(settings.api_key_file, encoding="utf-8") as file:  # noqa: PTH123 - the message wants the path as given
                key = file.read().strip()
        except OSError as error:
            raise SettingsError(f"{source} cannot be read: {error.strerror}") from None
    if not key:
        return None
    if not _KEY_SHAPE.fullmatch(key):
        raise SettingsError(f"{source} holds no usable API key: use 40 or more letters, digits, _ or -")
    return key


def _write_key(path: Path, key: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        file.write(key + "\n")
    return path


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _key_in(authorization: str | None) -> str:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials
    if scheme.lower() != "basic":
        raise KeyRejectedError("no API key was sent: set WANDB_API_KEY")
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        raise KeyRejectedError("the Authorization header is malformed") from None
