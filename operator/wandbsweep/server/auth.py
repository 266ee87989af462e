"""API keys: who sends a request, and for which entity.

One key is the installation's own. A shared server has a folder besides, with a file for each further entity; it is read
again and again, so that a key that is taken out of its file is refused moments later.

A key has 40 or more random characters, so a plain SHA-256 of it cannot be searched: there is nothing to guess, and a
slow hash would only cost the same time on every heartbeat. The database holds digests only, and the comparison takes
the same time whatever is sent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
import re
import secrets
from typing import TYPE_CHECKING

from wandbsweep.server.errors import KeyRejectedError
from wandbsweep.server.settings import API_KEY_VARIABLE, NAME, ServerSettings, SettingsError
from wandbsweep.server.store import keys

if TYPE_CHECKING:
    from pathlib import Path

    from wandbsweep.server.store.database import Database
    from wandbsweep.server.store.keys import User

_log = logging.getLogger(__name__)

_KEY_SHAPE = re.compile(r"([A-Za-z0-9_.-]+-)?[A-Za-z0-9_-]{40,}")
_GENERATED_BYTES = 20


class KeyRing:
    """Digests of all keys of the server, in memory: they are few, and asked for with every request."""

    def __init__(self, database: Database, folder: Path | None) -> None:
        self._database = database
        self._folder = folder
        self._problems: list[str] = []
        with database.read() as connection:
            self._own = keys.digests(connection)
        self._digests = self._own

    def refresh(self) -> list[str]:
        """Reads the keys anew; what is wrong in the folder. A file that cannot be read lets nobody in."""
        given, problems = _read_folder(self._folder) if self._folder else ([], [])
        users = {user.entity: user for _, user in self._digests}
        owners: dict[str, User] = dict(self._own)
        for entity, digest in given:
            if entity not in users:
                with self._database.write() as connection:
                    users[entity] = keys.ensure_user(connection, entity, entity)
            if owners.setdefault(digest, users[entity]) != users[entity]:
                problems.append(f"a key of {entity} is another's, too: each entity needs keys of its own")
        if problems != self._problems:
            for problem in problems:
                _log.warning("%s", problem)
        self._digests, self._problems = list(owners.items()), problems
        return problems

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
    ring = KeyRing(database, settings.keys_path)
    if problems := ring.refresh():
        raise SettingsError("; ".join(problems))
    return ring, written


def _read_folder(folder: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """The entities with the digests of their keys, and what is wrong; Kubernetes' own names begin with a dot."""
    found: list[tuple[str, str]] = []
    try:
        files = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    except OSError as error:
        return [], [f"--keys-dir {folder} cannot be read: {error.strerror}"]
    problems = []
    for path in files:
        try:
            given = path.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            given = [""]
        if not NAME.fullmatch(path.name) or not all(_KEY_SHAPE.fullmatch(key) for key in given):
            problems.append(
                f"--keys-dir {folder}: {path.name} is not usable: its name must be an entity (letters, digits, - _ and "
                ". only), and each line an API key of 40 or more letters, digits, _ or -"
            )
            continue
        found += [(path.name, _digest(key)) for key in given]
    return found, problems


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
    except ValueError:
        raise KeyRejectedError("the Authorization header is malformed") from None
