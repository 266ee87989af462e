"""Which of several searches of one sweep leads: a decision from what they see of each other on W&B.

Whoever holds the newest ticket leads and renews it. A ticket that was released, or that nobody renewed for a while, is
followed by the next number, which W&B gives to exactly one of those who ask for it. Nobody's clock is compared with
another's: a ticket is old when it has not changed for so long before one's own eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wandbsweep.tracking.search_tickets import Ticket

STALE_SECONDS: Final = 30.0
"""A ticket that has not been renewed for so long is taken to be nobody's."""

YOUNG_SECONDS: Final = 20.0
"""A leader whose last renewal is older hands nothing out."""

RENEW_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Lead:
    """The newest ticket is one's own."""


@dataclass(frozen=True)
class Wait:
    """Somebody else leads."""

    seconds_left: float
    """Until their ticket is stale, if it does not change."""


@dataclass(frozen=True)
class Take:
    """Ask W&B for this number."""

    number: int


Decision = Lead | Wait | Take


@dataclass(frozen=True)
class Sighting:
    """The newest ticket as one saw it last, and since when it has looked like this."""

    ticket: Ticket
    since: float


def sight(before: Sighting | None, newest: Ticket | None, now: float) -> Sighting | None:
    """What is remembered of a look."""
    if newest is None:
        return None
    if before is not None and before.ticket == newest:
        return before
    return Sighting(newest, now)


def decide(seen: Sighting | None, mine: Ticket | None, now: float) -> Decision:
    """What to do after a look; `mine` is the ticket that one made last."""
    if seen is None:
        return Take(1)
    newest = seen.ticket
    if mine is not None and newest.node_id == mine.node_id and not mine.released:
        return Lead()
    if newest.released:
        return Take(newest.number + 1)
    left = seen.since + STALE_SECONDS - now
    return Wait(left) if left > 0 else Take(newest.number + 1)


def may_hand_out(renewed_at: float | None, now: float) -> bool:
    """Whether nobody can have taken one's ticket for stale yet; `renewed_at` is when the last renewal was sent."""
    return renewed_at is not None and now - renewed_at < YOUNG_SECONDS
