"""Ports of the loopback interface that stay one test's own, whether something listens there or not."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port for the length of a block: connections are refused until the one who is told of it listens there.

    A port that is merely found free may be given to another test, or to any connection, before it is listened on and
    again between the death of a server and its next start. This one is bound all the time. SO_REUSEADDR, which servers
    set too, lets one of them listen there all the same.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
