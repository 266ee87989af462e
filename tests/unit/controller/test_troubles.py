"""A W&B server in trouble is left alone for a moment, whatever wakes the passes in between."""

from __future__ import annotations

from datetime import timedelta

from builders import NOW
from wandbsweep.api.reasons import Reason
from wandbsweep.controller.troubles import Troubles
from wandbsweep.pool.facts import Problem

AWAY = Problem(Reason.SERVER_UNREACHABLE, "W&B is away")
PATIENCE = Problem(Reason.RATE_LIMITED, "slow down", retry_after=timedelta(minutes=2))


def test_a_server_that_is_away_is_asked_again_when_the_next_pass_comes_by_itself():
    troubles = Troubles()
    troubles.note("u1", AWAY, NOW)

    assert troubles.fresh("u1", NOW + timedelta(seconds=5)) is AWAY
    assert troubles.fresh("u1", NOW + timedelta(seconds=10)) is None


def test_a_server_that_asks_for_patience_gets_as_much_as_it_asked_for():
    troubles = Troubles()
    troubles.note("u1", PATIENCE, NOW)

    assert troubles.fresh("u1", NOW + timedelta(seconds=119)) is PATIENCE
    assert troubles.fresh("u1", NOW + timedelta(seconds=120)) is None


def test_the_trouble_of_one_object_is_not_that_of_another():
    troubles = Troubles()
    troubles.note("u1", AWAY, NOW)

    assert troubles.fresh("u2", NOW) is None

    troubles.forget("u1")
    assert troubles.fresh("u1", NOW) is None
