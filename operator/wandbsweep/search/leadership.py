"""Holds the lease of a sweep's search: waits for it, renews it, notices when it is gone, gives it back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wandbsweep.search.lease import (
    RENEW_SECONDS,
    Lead,
    Sighting,
    Take,
    Wait,
    decide,
    may_hand_out,
    sight,
)
from wandbsweep.tracking.errors import RequestRefused, SweepMissing, TrackingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandbsweep.tracking.search_client import SearchClient
    from wandbsweep.tracking.search_tickets import Ticket

_log = logging.getLogger("wandbsweep.search")

_LOOK_SECONDS: Final = 3.0
_DOUBT_SECONDS: Final = 25.0
"""After so long without a renewal, what is still on its way to W&B must not arrive: another may lead soon."""

_KEPT: Final = 2  # tickets that stay, so that a listing which lags still shows one


class Leadership:
    """The lease as one process holds it. Its coroutines run on one event loop; `holds` may be asked anywhere.

    Args:
        client: of the sweep.
        holder: what others read of who leads.
        on_lost: called once another leads, or nobody can tell.
        on_doubt: called each second while the last renewal is so old that others may take over soon.
    """

    def __init__(
        self, client: SearchClient, holder: str, on_lost: Callable[[], None], on_doubt: Callable[[], None]
    ) -> None:
        self._client = client
        self._holder = holder
        self._on_lost = on_lost
        self._on_doubt = on_doubt
        self._ticket: Ticket | None = None
        self._renewed_at: float | None = None
        self._seen: Sighting | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def holds(self) -> bool:
        """Whether nobody else can lead at this moment, as far as is known without asking."""
        return self._ticket is not None and may_hand_out(self._renewed_at, time.monotonic())

    async def try_to_lead(self) -> bool:
        """One look at the tickets, and what follows from it; whether this process leads now."""
        tickets = await self._client.newest_tickets()
        now = time.monotonic()
        before, self._seen = self._seen, sight(self._seen, tickets[0] if tickets else None, now)
        decision = decide(self._seen, self._ticket, now)
        if isinstance(decision, Wait):
            if before is None and self._seen is not None:
                _log.info("another search leads (%s); this one waits", self._seen.ticket.holder or "unnamed")
            return False
        if isinstance(decision, Take):
            made = await self._client.insert_ticket(decision.number)
            if made is None:
                return False
            await self._begin(made)
            await self._tidy(tickets)
        return isinstance(decision, Lead) or self.holds()

    async def confirm(self) -> bool:
        """Whether this process leads, asked of W&B at this moment."""
        ticket = self._ticket
        if ticket is None or not self.holds():
            return False
        if await self._client.ticket_exists(ticket.number + 1):
            self._lose("another search has taken over")
            return False
        return self.holds()

    async def release(self) -> None:
        """Lead no more, and let others know; as well as W&B can be told."""
        ticket, self._ticket = self._ticket, None
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        if ticket is not None:
            with contextlib.suppress(TrackingError):
                await self._client.write_ticket(replace(ticket, renewals=ticket.renewals + 1, released=True))

    async def _begin(self, made: Ticket) -> None:
        sent = time.monotonic()
        ticket = replace(made, holder=self._holder)
        await self._client.write_ticket(ticket)
        self._ticket, self._renewed_at = ticket, sent
        _log.info("this search leads (ticket %d)", ticket.number)
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._watch())]

    async def _tidy(self, tickets: list[Ticket]) -> None:
        for old in tickets[_KEPT - 1 :]:
            with contextlib.suppress(TrackingError):
                await self._client.delete_ticket(old)

    async def _keep(self) -> None:
        while (ticket := self._ticket) is not None:
            await asyncio.sleep(RENEW_SECONDS)
            sent = time.monotonic()
            renewed = replace(ticket, renewals=ticket.renewals + 1)
            try:
                if await self._client.ticket_exists(ticket.number + 1):
                    return self._lose("another search has taken over")
                await self._client.write_ticket(renewed)
            except (RequestRefused, SweepMissing) as error:
                return self._lose(str(error))
            except TrackingError as error:
                _log.warning("the lease could not be renewed: %s", error)
            else:
                if self._ticket is ticket:
                    self._ticket, self._renewed_at = renewed, sent
        return None

    async def _watch(self) -> None:
        while self._renewed_at is not None:
            await asyncio.sleep(1)
            if time.monotonic() - self._renewed_at > _DOUBT_SECONDS:
                self._on_doubt()

    def _lose(self, why: str) -> None:
        if self._ticket is None:
            return
        _log.warning("this search leads no more: %s", why)
        self._ticket = None
        self._seen = None
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._tasks.clear()
        self._on_lost()


async def wait_a_little() -> None:
    """Between two looks at who leads."""
    await asyncio.sleep(_LOOK_SECONDS)
