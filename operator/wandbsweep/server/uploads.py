"""Files of runs: names, places on disk, upload and download.

Bytes lie under a digest of the file's name, so no name that a client invents can point anywhere else; names that
would be dangerous to whoever downloads them are refused all the same.
"""

from __future__ import annotations

import functools
import hashlib
import mimetypes
import os
import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import anyio

from wandbsweep.server.errors import BadRequestError, NotFoundError, TooLargeError
from wandbsweep.server.requests import in_thread
from wandbsweep.server.store import files, runs

if TYPE_CHECKING:
    from starlette.requests import Request

    from wandbsweep.server.context import Server
    from wandbsweep.server.store.files import StoredFile

_LONGEST_NAME = 1024
_MIB = 1024 * 1024


def check_name(name: str) -> str:
    """The name, unless it could leave the folder that somebody downloads it into."""
    path = PurePosixPath(name)
    strange = "\\" in name or not name.isprintable() or len(name) > _LONGEST_NAME or PureWindowsPath(name).drive
    if not path.parts or strange or path.is_absolute() or ".." in path.parts or str(path) != name:
        raise BadRequestError(f"file name {name!r} is not allowed: use a relative path without . or .. parts")
    return name


def place(server: Server, run_id: int, name: str) -> Path:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return server.settings.files_path / str(run_id) / digest


async def receive(server: Server, run_id: int, name: str, request: Request) -> None:
    """Stores the body as a file of the run: written aside, then renamed, then recorded."""
    check_name(name)
    target = place(server, run_id, name)
    await in_thread(request, lambda: _check_run(server, run_id))
    await in_thread(request, lambda: target.parent.mkdir(parents=True, exist_ok=True))
    descriptor, aside = tempfile.mkstemp(dir=target.parent, prefix="upload-")
    digest, size = hashlib.md5(usedforsecurity=False), 0
    try:
        async with await anyio.open_file(descriptor, "wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > server.settings.upload_limit_mib * _MIB:
                    raise TooLargeError(f"file {name} is larger than {server.settings.upload_limit_mib} MiB")
                digest.update(chunk)
                await file.write(chunk)
        record = functools.partial(_record, server, run_id, name, aside, size=size, md5=digest.hexdigest())
        await in_thread(request, record)
    finally:
        await anyio.Path(aside).unlink(missing_ok=True)


def find(server: Server, run_id: int, name: str) -> tuple[StoredFile, Path]:
    """A file of a run and where its bytes are."""
    with server.database.read() as connection:
        stored = files.find(connection, run_id, name)
    path = place(server, run_id, name)
    if stored is None or not path.is_file():
        raise NotFoundError(f"file {name!r} does not exist")
    return stored, path


def remove(server: Server, stored: StoredFile) -> None:
    with server.database.write() as connection:
        files.remove(connection, stored.id)
    place(server, stored.run_id, stored.name).unlink(missing_ok=True)


def _check_run(server: Server, run_id: int) -> None:
    with server.database.read() as connection:
        if runs.get(connection, run_id) is None:
            raise NotFoundError("the run of this upload does not exist any more")


def _record(server: Server, run_id: int, name: str, aside: str, *, size: int, md5: str) -> None:
    mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
    with server.database.write() as connection:
        if runs.get(connection, run_id) is None:
            raise NotFoundError("the run of this upload does not exist any more")
        os.replace(aside, place(server, run_id, name))  # noqa: PTH105 - one atomic rename
        files.put(connection, run_id, name, size=size, md5=md5, mimetype=mimetype, now=server.now())
