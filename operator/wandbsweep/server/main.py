"""Starts the server in this process and keeps it until a signal."""

from __future__ import annotations

import fcntl
import logging
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from wandbsweep.server.app import create_app
from wandbsweep.server.broken_requests import BrokenRequests
from wandbsweep.server.settings import ServerSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS_TO_FINISH_REQUESTS = 5
_WAITING_CONNECTIONS = 512
_MOST_CONNECTIONS = 4096  # beyond them clients are told to come again
_LARGEST_HEADERS = 64 * 1024
# Agents ask every 5 s; a connection closed in just that moment would cost them a failed request and a pause.
_IDLE_CONNECTION_SECONDS = 75


def run(settings: ServerSettings) -> None:
    """Serves until SIGTERM or SIGINT; raises SettingsError for what it cannot start with."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with _alone(settings), _listen(settings) as listener:
        app = create_app(settings)
        config = uvicorn.Config(
            BrokenRequests(app),
            log_config=None,
            access_log=False,  # a link to a file carries its permission in its query
            server_header=False,
            http="h11",  # whatever else is installed: this one has a limit for headers
            h11_max_incomplete_event_size=_LARGEST_HEADERS,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_IDLE_CONNECTION_SECONDS,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH_REQUESTS,
        )
        host, port = listener.getsockname()[:2]
        print(f"wandbsweep server listens on http://{host}:{port} (entity {settings.entity})", flush=True)  # noqa: T201 - for who starts it
        # uvicorn repeats the signal that ended it: asked to end and ended is a success.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _alone(settings: ServerSettings) -> Iterator[None]:
    """Two servers on one data folder would hand out the same runs twice; the lock goes with the process."""
    path = settings.data_path / "server.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SettingsError(f"--data-dir {settings.data_path} is in use by another server: stop it first") from None
    except OSError as error:
        raise SettingsError(f"--data-dir {settings.data_path} cannot be used: {error.strerror}") from None
    with lock:
        yield


def _listen(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio turns Nagle's algorithm off for sockets that say they are TCP only; with it each answer costs 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(_WAITING_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"--host {settings.host} --port {settings.port} cannot be listened on: {error.strerror or error}"
        ) from None
    return listener
