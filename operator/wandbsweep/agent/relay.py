"""Passes the W&B agent's output on as it comes, and keeps its last lines."""

from __future__ import annotations

import os
import threading
from collections import deque

_CHUNK = 64 * 1024
_KEPT_BYTES = 16 * 1024


class Tail:
    """The last of what was said, on whichever stream."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._lock = threading.Lock()

    def add(self, chunk: bytes) -> None:
        """Appends, and forgets what is too old."""
        with self._lock:
            self._chunks.append(chunk[-_KEPT_BYTES:])
            self._size += len(self._chunks[-1])
            while self._size - len(self._chunks[0]) >= _KEPT_BYTES:
                self._size -= len(self._chunks.popleft())

    def text(self) -> str:
        """What is kept; bytes that are no UTF-8 are shown as such."""
        with self._lock:
            return b"".join(self._chunks).decode(errors="replace")


class Relay:
    """One stream: a thread of its own, so that a slow reader of the container's log never holds up the supervisor."""

    def __init__(self, source: int, destination: int, tail: Tail) -> None:
        self._source = source
        self._destination = destination
        self._tail = tail
        self._thread = threading.Thread(target=self._run, name=f"relay-{destination}", daemon=True)
        self._thread.start()

    def finish(self, timeout: float) -> None:
        """Waits until everything that was written has been passed on."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while chunk := os.read(self._source, _CHUNK):
            self._tail.add(chunk)
            self._pass_on(chunk)

    def _pass_on(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(self._destination, rest) :]
        except OSError:
            # Nobody reads the log any more; the writers must still not be blocked.
            return
