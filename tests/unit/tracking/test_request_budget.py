"""What is told of the requests that accounts may make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.tracking.protocol import Account
from wandbsweep.tracking.request_budget import RequestBudget

ONE, TWO = Account("http://wandb.test", "one"), Account("http://wandb.test", "two")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def quota(left, **others):
    return {"RateLimit-Remaining": str(left), **{f"RateLimit-{name}": str(value) for name, value in others.items()}}


def test_the_account_with_the_least_left_is_told_until_its_window_is_over():
    clock = Clock()
    budget = RequestBudget(8, clock=clock)
    assert budget.quota_left() == 1

    budget.note(ONE, quota(900, Limit=1000, Reset=30))
    budget.note(TWO, quota(250, Reset=10))
    least = budget.quota_left()
    clock.now = 11
    without_two = budget.quota_left()
    clock.now = 31

    assert (least, without_two, budget.quota_left()) == (0.25, 0.9, 1)


@pytest.mark.parametrize("headers", [{}, quota("many"), quota("-1"), quota("nan"), {"RateLimit-Limit": "1000"}])
def test_what_is_no_quota_is_none(headers):
    budget = RequestBudget(8)

    budget.note(ONE, headers)

    assert budget.quota_left() == 1


@given(st.text(), st.text(), st.text())
def test_whatever_a_server_says_the_share_is_one(left, limit, reset):
    budget = RequestBudget(8)

    budget.note(ONE, quota(left, Limit=limit, Reset=reset))

    assert 0 <= budget.quota_left() <= 1
