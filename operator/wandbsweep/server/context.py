"""What every part of a running server shares."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wandbsweep.server.liveness import Timeouts
from wandbsweep.server.search import Search

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandbsweep.server.auth import KeyRing
    from wandbsweep.server.settings import ServerSettings
    from wandbsweep.server.signing import Signer
    from wandbsweep.server.store.database import Database


class SweepLocks:
    """One lock per sweep: while it is held nobody else hands out runs of that sweep."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def hold(self, sweep_id: int, *, patience: float) -> Iterator[bool]:
        """Whether the lock was had within `patience` seconds; if so it is released at the end of the block."""
        with self._guard:
            lock = self._locks[sweep_id]
        held = lock.acquire(timeout=patience)
        try:
            yield held
        finally:
            if held:
                lock.release()


@dataclass
class Listening:
    """Since when this server has been hearing its clients without a gap."""

    since: float


@dataclass(frozen=True)
class Server:
    """The parts of one running server."""

    settings: ServerSettings
    database: Database
    keys: KeyRing
    signer: Signer
    listening: Listening
    search: Search = field(default_factory=Search)
    locks: SweepLocks = field(default_factory=SweepLocks)

    @property
    def timeouts(self) -> Timeouts:
        return Timeouts(run=self.settings.run_timeout, agent=self.settings.agent_timeout)

    @staticmethod
    def now() -> float:
        return time.time()
