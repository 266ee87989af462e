"""An agent's life, second by second: each is counted once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.agent.ledger import seconds_of_life

seconds = st.floats(0, 1e7)
names = st.sampled_from(["startup", "finished", "failed", "preempted"])


@given(st.dictionaries(names, seconds), seconds)
def test_the_parts_make_the_whole_life(spent, life):
    parts = seconds_of_life(spent, life)
    assert set(parts) == {"startup", "finished", "failed", "preempted", "idle"}
    assert all(part >= 0 for part in parts.values())
    assert sum(parts.values()) == pytest.approx(life, abs=0.01)


def test_what_no_run_took_was_idle():
    assert seconds_of_life({"startup": 10, "finished": 50}, 100)["idle"] == 40


def test_runs_side_by_side_share_their_time():
    assert seconds_of_life({"finished": 100, "failed": 100}, 100) == {
        "startup": 0,
        "finished": 50,
        "failed": 50,
        "preempted": 0,
        "idle": 0,
    }
