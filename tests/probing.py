"""Requests that no client of ours would send, and what every answer to them must be like."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenants import Client


def send(
    client: Client, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """One request with the client's key; status and answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", client.server.port, timeout=30)) as connection:
        connection.request(method, path, body, {"Authorization": f"Bearer {client.key}", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()


def say(client: Client, spoken: bytes) -> bytes:
    """Bytes on a connection of their own, after which nothing more is said; all that comes back."""
    heard = b""
    with (
        socket.create_connection(("127.0.0.1", client.server.port), timeout=30) as connection,
        suppress(BrokenPipeError, ConnectionResetError),
    ):
        connection.sendall(spoken)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            heard += part
    return heard


def must_be_told(status: int, body: bytes) -> None:
    """An answer in words: no failure of the server, and nothing of how it is built."""
    assert status < 500, body
    shows_nothing_within(body)


def shows_nothing_within(body: bytes) -> None:
    """Nothing of how the server is built, and nothing of what lies beside the files of its runs."""
    for trace in (
        b"traceback",
        b"sqlalchemy",
        b"site-packages",
        b"internal server error",
        b"sqlite format",
        b"root:x:0",
    ):
        assert trace not in body.lower(), body
