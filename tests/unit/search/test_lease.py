"""Which of several searches leads: the decision alone, with clocks and pauses of every kind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from wandbsweep.search.lease import (
    STALE_SECONDS,
    YOUNG_SECONDS,
    Lead,
    Sighting,
    Take,
    Wait,
    decide,
    may_hand_out,
    sight,
)
from wandbsweep.tracking.search_tickets import Ticket

TICKET = Ticket("node", 4, holder="somebody", renewals=7)


def test_the_first_search_takes_the_first_ticket():
    assert decide(None, None, 0.0) == Take(1)


def test_a_ticket_that_is_renewed_is_waited_for():
    seen = sight(Sighting(TICKET, 0.0), replace(TICKET, renewals=8), 29.0)

    assert decide(seen, None, 29.0) == Wait(STALE_SECONDS)


def test_a_ticket_that_nobody_renews_is_followed_by_the_next():
    seen = sight(Sighting(TICKET, 0.0), TICKET, STALE_SECONDS)

    assert decide(seen, None, STALE_SECONDS) == Take(5)


def test_a_released_ticket_is_followed_at_once():
    assert decide(Sighting(replace(TICKET, released=True), 0.0), None, 0.0) == Take(5)


def test_the_holder_of_the_newest_ticket_leads():
    assert decide(Sighting(TICKET, 0.0), TICKET, 100.0) == Lead()


def test_a_ticket_of_the_same_number_that_somebody_made_anew_is_not_ones_own():
    assert decide(Sighting(TICKET, 0.0), replace(TICKET, node_id="another"), 0.0) == Wait(STALE_SECONDS)


def test_a_leader_falls_silent_before_others_take_over():
    assert YOUNG_SECONDS < STALE_SECONDS
    assert may_hand_out(0.0, YOUNG_SECONDS - 1)
    assert not may_hand_out(0.0, YOUNG_SECONDS)


@dataclass
class Contender:
    """One search, with a clock of its own. While it is paused, nothing of it runs."""

    name: str
    clock_ahead: float
    mine: Ticket | None = None
    seen: Sighting | None = None
    renewed_at: float | None = None
    paused_until: float = 0.0


@dataclass
class World:
    """W&B's tickets, true time, and who handed out what: a suggestion is the number of those before it."""

    random: Random
    contenders: list[Contender]
    now: float = 0.0
    tickets: dict[int, Ticket] = field(default_factory=dict)
    handed_out: list[tuple[int, str]] = field(default_factory=list)
    nodes: int = 0

    def step(self) -> None:
        self.now += self.random.choice((0.1, 1.0, 4.0))
        contender = self.random.choice(self.contenders)
        if self.now < contender.paused_until:
            return
        act = self.random.choice((self.look, self.look, self._renew, self._hand_out, self._hand_out, self._pause))
        act(contender, self.now + contender.clock_ahead)

    def look(self, who: Contender, now: float) -> None:
        newest = self.tickets[max(self.tickets)] if self.tickets else None
        who.seen = sight(who.seen, newest, now)
        decision = decide(who.seen, who.mine, now)
        if isinstance(decision, Take) and decision.number not in self.tickets:
            self.nodes += 1
            who.mine = self.tickets[decision.number] = Ticket(f"n{self.nodes}", decision.number, who.name)
            who.renewed_at = now

    def _renew(self, who: Contender, now: float) -> None:
        if who.mine is None:
            return
        if who.mine.number + 1 in self.tickets:
            who.mine = None
            return
        who.mine = self.tickets[who.mine.number] = replace(who.mine, renewals=who.mine.renewals + 1)
        who.renewed_at = now

    def _hand_out(self, who: Contender, now: float) -> None:
        """As the guard does: young by its own clock, and no newer ticket, asked at this moment."""
        if who.mine is None or not may_hand_out(who.renewed_at, now) or who.mine.number + 1 in self.tickets:
            return
        self.handed_out.append((who.mine.number, who.name))

    def _pause(self, who: Contender, _: float) -> None:
        who.paused_until = self.now + self.random.choice((5.0, 25.0, 60.0, 300.0))


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.integers(2, 5))
def test_whoever_is_paused_for_however_long_only_the_newest_ticket_hands_out(seed, searches):
    random = Random(seed)
    contenders = [Contender(f"c{n}", random.uniform(-1e6, 1e6)) for n in range(searches)]
    world = World(random, contenders)

    for _ in range(400):
        world.step()

    numbers = [number for number, _ in world.handed_out]
    assert numbers == sorted(numbers)
    assert len({*world.handed_out}) == len({*numbers})


@given(st.integers(0, 2**32))
def test_a_search_that_is_left_alone_leads_in_the_end(seed):
    contenders = [Contender(f"c{n}", 0.0) for n in range(3)]
    world = World(Random(seed), contenders)
    for _ in range(100):
        world.step()

    last = contenders[0]
    for _ in range(20):
        world.now += 4.0
        world.look(last, world.now)

    assert last.mine == world.tickets[max(world.tickets)]
