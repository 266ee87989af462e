from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_reading
from wandbsweep.pool.polling import FASTEST, SLOWEST, next_poll, poll_interval


def test_a_sweep_whose_runs_change_is_looked_at_as_often_as_anything_can_change():
    assert poll_interval(a_reading()) == FASTEST


def test_a_sweep_that_has_been_quiet_for_hours_is_looked_at_rarely():
    quiet = a_reading(quiet_since=NOW - timedelta(hours=5))

    assert FASTEST < poll_interval(quiet) <= SLOWEST


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_polls_of_different_sweeps_fall_on_common_times(first, second):
    polls = sorted(next_poll(a_reading(at=NOW + timedelta(milliseconds=offset))) for offset in (first, second))

    assert (polls[1] - polls[0]) % FASTEST == timedelta()


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_next_poll_is_always_ahead(offset, quiet):
    reading = a_reading(at=NOW + timedelta(seconds=offset), quiet_since=NOW + timedelta(seconds=offset - quiet))

    assert reading.read_at < next_poll(reading) <= reading.read_at + SLOWEST
