"""Passes a process's output on as it comes, and keeps its last lines and the time of the last of them.

A console that takes nothing any more (a stopped terminal, a log pipe that nobody reads) must not stop a trainer that
prints: after a bounded time what it prints is dropped instead, until the console takes it again.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from typing import Final

_CHUNK: Final = 64 * 1024
_KEPT_BYTES: Final = 16 * 1024

_UNBLOCKED_BYTES: Final = 4096
"""What a pipe that can be written to takes at once."""

STUCK_SECONDS: Final = 5.0
"""How long a console may take nothing before it counts as stuck."""

# Both streams of one process often end in the same pipe; together they would write more than it said it takes.
_one_writer = threading.Lock()


class Tail:
    """The last of what was said, on whichever stream."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._last_at: float | None = None
        self._lock = threading.Lock()

    @property
    def last_at(self) -> float | None:
        """When the latest output came, on the monotonic clock; None before the first."""
        return self._last_at

    def add(self, chunk: bytes) -> None:
        """Appends, and forgets what is too old."""
        with self._lock:
            self._last_at = time.monotonic()
            self._chunks.append(chunk[-_KEPT_BYTES:])
            self._size += len(self._chunks[-1])
            while self._size - len(self._chunks[0]) >= _KEPT_BYTES:
                self._size -= len(self._chunks.popleft())

    def text(self) -> str:
        """What is kept; bytes that are no UTF-8 are shown as such."""
        with self._lock:
            return b"".join(self._chunks).decode(errors="replace")

    def last_line(self) -> str:
        """The last line with something on it, or nothing."""
        return next((line.strip() for line in reversed(self.text().splitlines()) if line.strip()), "")


class Relay:
    """One stream: a thread of its own, so that a slow reader of the container's log never holds up who waits here."""

    def __init__(self, source: int, destination: int, tail: Tail, stuck_seconds: float = STUCK_SECONDS) -> None:
        self._source = source
        self._destination = destination
        self._tail = tail
        self._stuck_seconds = stuck_seconds
        self._stuck = self._closed = False
        self._stop_reader, self._stop_writer = os.pipe()
        self._thread = threading.Thread(target=self._run, name=f"relay-{destination}", daemon=True)
        self._thread.start()

    def finish(self, timeout: float) -> None:
        """Waits until everything that was written has been passed on; afterwards the source may be closed.

        A process that was left behind may keep the stream open for ever, so the wait has an end.
        """
        self._thread.join(timeout)
        os.close(self._stop_writer)
        self._thread.join(timeout)
        if not self._thread.is_alive():
            os.close(self._stop_reader)

    def _run(self) -> None:
        while self._has_more() and (chunk := os.read(self._source, _CHUNK)):
            self._tail.add(chunk)
            self._pass_on(chunk)

    def _has_more(self) -> bool:
        ready, _, _ = select.select([self._source, self._stop_reader], [], [])
        return self._stop_reader not in ready

    def _pass_on(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        try:
            while rest and not self._closed and self._is_free():
                with _one_writer:
                    if not self._takes_more(0):
                        continue
                    rest = rest[os.write(self._destination, rest[:_UNBLOCKED_BYTES]) :]
        except OSError:
            # Nobody reads the log any more; the writers must still not be blocked.
            self._closed = True

    def _is_free(self) -> bool:
        """Whether the console takes more; one that was stuck is not waited for again."""
        self._stuck = not self._takes_more(0 if self._stuck else self._stuck_seconds)
        return not self._stuck

    def _takes_more(self, seconds: float) -> bool:
        _, ready, _ = select.select([], [self._destination], [], seconds)
        return bool(ready)
