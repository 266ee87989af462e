"""Hands the container's own stdout and stderr to the trials.

The W&B agent's output is read by the runtime, which looks for the cause of its end in it. Trials are the agent's
children and would write through the same pipes; instead each asks here for the real descriptors, so that what a trainer
prints goes straight to the container's log and never waits for the runtime. Where a trial cannot ask (a file system
without sockets, a sweep whose command is not ours) its output takes the way through the runtime and is not lost.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STDOUT, _STDERR = 1, 2
_ANSWER_SECONDS = 2.0


@contextlib.contextmanager
def shared_console(path: Path) -> Iterator[None]:
    """Answers every connection to the socket with this process's stdout and stderr."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        if not _listening(listener, path):
            yield
            return
        threading.Thread(target=_answer, args=(listener,), name="console", daemon=True).start()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            # Wakes the thread that waits in accept(); closing alone would not.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _listening(listener: socket.socket, path: Path) -> bool:
    try:
        with _short_address(path) as address:
            listener.bind(address)
        listener.listen()
    except OSError:
        return False
    return True


def _answer(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            socket.send_fds(connection, [b"console"], [_STDOUT, _STDERR])


def take_console(path: Path) -> None:
    """Makes the container's stdout and stderr this process's own; without the socket all stays as it is."""
    if not path.exists():
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            with _short_address(path) as address:
                connection.connect(address)
            _, descriptors, _, _ = socket.recv_fds(connection, 16, 2)
    except OSError:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    for descriptor, standard in zip(descriptors, (_STDOUT, _STDERR), strict=False):
        os.dup2(descriptor, standard, inheritable=True)
        os.close(descriptor)


@contextlib.contextmanager
def _short_address(path: Path) -> Iterator[str]:
    """A socket's address may have 107 bytes; through /proc a folder of any length has a short name."""
    if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - a Path would not make it plainer
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
