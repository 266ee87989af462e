"""How many requests accounts may make: what this operator allows itself at once, and what servers say is left.

Each account has a few places for requests under way, so that a server that hangs holds up nobody else. W&B's servers
may say with an answer which part of an account's quota is left; nothing depends on that, it is only told.
"""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from wandbsweep.tracking.protocol import Account

_SCALE: Final = 1000.0  # W&B's servers count a quota as 0 to 1000, whatever it is
_USUAL_WINDOW: Final = 60.0
_LONGEST_WINDOW: Final = 3600.0


class RequestBudget:
    """The places of all accounts. Used on one event loop."""

    def __init__(self, per_account: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_account = per_account
        self.under_way = 0
        self.waiting = 0
        self._queues: WeakValueDictionary[Account, asyncio.Semaphore] = WeakValueDictionary()
        self._quotas: dict[Account, tuple[float, float]] = {}
        self._clock = clock

    @asynccontextmanager
    async def place(self, account: Account) -> AsyncIterator[None]:
        """Hold one of the account's places, after waiting for it."""
        queue = self._queue(account)
        self.waiting += 1
        try:
            await queue.acquire()
        finally:
            self.waiting -= 1
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1
            queue.release()

    def note(self, account: Account, headers: Mapping[str, str]) -> None:
        """What an answer says of the account's quota; most say nothing."""
        left = _number(headers.get("RateLimit-Remaining"))
        if left is None:
            return
        whole = _number(headers.get("RateLimit-Limit")) or _SCALE
        window = _number(headers.get("RateLimit-Reset"))
        until = self._clock() + min(_USUAL_WINDOW if window is None else window, _LONGEST_WINDOW)
        self._quotas[account] = (min(left / whole, 1.0), until)

    def quota_left(self) -> float:
        """The smallest share of a quota that any account has left; 1 where no server says anything else."""
        now = self._clock()
        self._quotas = {account: quota for account, quota in self._quotas.items() if quota[1] > now}
        return min((share for share, _ in self._quotas.values()), default=1.0)

    def _queue(self, account: Account) -> asyncio.Semaphore:
        queue = self._queues.get(account)
        if queue is None:
            queue = self._queues[account] = asyncio.Semaphore(self.per_account)
        return queue


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\s*\d{1,9}(\.\d{1,9})?\s*", text) else None
