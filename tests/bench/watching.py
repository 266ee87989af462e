"""Sees objects come and go at the moment at which the API server tells of it."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

    from kube_client import Kube

_WAIT_SECONDS = 120.0


@dataclass
class Sightings:
    """When each object was first seen, and when it was seen to be gone; by its name, on the monotonic clock."""

    added: dict[str, float] = field(default_factory=dict)
    deleted: dict[str, float] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def note(self, kind: str, name: str) -> None:
        with self._news:
            seen = self.deleted if kind == "DELETED" else self.added
            seen.setdefault(name, time.monotonic())
            self._news.notify_all()

    def wait_for_added(self, *names: str) -> list[float]:
        return self._wait_for(self.added, names)

    def wait_for_deleted(self, *names: str) -> list[float]:
        return self._wait_for(self.deleted, names)

    def _wait_for(self, seen: dict[str, float], names: tuple[str, ...]) -> list[float]:
        with self._news:
            if not self._news.wait_for(lambda: seen.keys() >= set(names), _WAIT_SECONDS):
                raise TimeoutError(f"not seen within {_WAIT_SECONDS:g} s: {sorted(set(names) - seen.keys())}")
        return [seen[name] for name in names]


@contextmanager
def watched(kube: Kube, path: str) -> Iterator[Sightings]:
    """Watches a collection for the length of a block."""
    sightings = Sightings()
    version = kube.get(path)["metadata"]["resourceVersion"]
    address = urlsplit(kube.connection.server)
    connection = HTTPSConnection(address.hostname or "", address.port, context=kube.connection.tls)
    connection.request("GET", f"{path}?watch=1&resourceVersion={version}", headers=kube.connection.headers)
    stream = connection.getresponse()
    thread = threading.Thread(target=_read, args=(stream, sightings), daemon=True)
    thread.start()
    try:
        yield sightings
    finally:
        connection.sock.shutdown(socket.SHUT_RDWR)  # a reader that waits cannot be closed from another thread
        thread.join()
        stream.close()
        connection.close()


def _read(stream: HTTPResponse, sightings: Sightings) -> None:
    with suppress(OSError, HTTPException):  # the end of the block is the end of the connection
        for line in stream:
            event = json.loads(line)
            sightings.note(event["type"], event["object"]["metadata"]["name"])
