"""Who is still alive, decided from facts and a clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.server.liveness import Signs, Timeouts, Verdict, agent_is_gone, judge_absence, judge_silence

TIMEOUTS = Timeouts(run=300, agent=60)
NEW = Signs(
    preempting=False,
    stop_requested=False,
    handed_at=1000,
    listed_at=None,
    streamed_at=None,
    agent_heartbeat_at=1000,
    deliveries=1,
)
STARTED = replace(NEW, listed_at=1005, streamed_at=1010)


def silence(signs: Signs, now: float, since: float = 0) -> Verdict:
    return judge_silence(signs, now=now, listening_since=since, timeouts=TIMEOUTS)


def absence(signs: Signs, now: float, since: float = 0) -> Verdict:
    return judge_absence(signs, now=now, listening_since=since)


@pytest.mark.parametrize(
    ("signs", "now", "verdict"),
    [
        (STARTED, 1310, Verdict.ALIVE),
        (STARTED, 1311, Verdict.CRASHED),
        (replace(STARTED, stop_requested=True), 1311, Verdict.KILLED),
        (replace(STARTED, preempting=True), 1311, Verdict.PREEMPTED),
        (replace(STARTED, preempting=True, stop_requested=True), 1311, Verdict.KILLED),
        (replace(STARTED, listed_at=1300), 1311, Verdict.ALIVE),
        (replace(STARTED, streamed_at=None), 1306, Verdict.CRASHED),
        (NEW, 1060, Verdict.ALIVE),
        (NEW, 1061, Verdict.HAND_TO_ANOTHER),
        (replace(NEW, deliveries=3), 1061, Verdict.CRASHED),
        (replace(NEW, stop_requested=True), 1061, Verdict.KILLED),
        (replace(NEW, agent_heartbeat_at=None), 9999, Verdict.ALIVE),
    ],
)
def test_silence_is_judged(signs, now, verdict):
    assert silence(signs, now) is verdict


@pytest.mark.parametrize(
    ("signs", "now", "since", "verdict"),
    [
        (STARTED, 1015, 0, Verdict.CRASHED),
        (replace(STARTED, stop_requested=True), 1015, 0, Verdict.KILLED),
        (replace(STARTED, preempting=True), 1015, 0, Verdict.PREEMPTED),
        (NEW, 1002.5, 0, Verdict.DELIVER_AGAIN),  # the SDK repeats a heartbeat whose answer was lost
        (NEW, 1005.5, 0, Verdict.CRASHED),  # the next heartbeat proper: the process ended before it said anything
        (NEW, 1032.5, 0, Verdict.DELIVER_AGAIN),  # the SDK's own time-out, then a repetition
        (NEW, 1005.5, 1004, Verdict.DELIVER_AGAIN),  # the server was killed in between: the answer may be lost
        (replace(NEW, deliveries=3), 1002.5, 0, Verdict.CRASHED),
    ],
)
def test_absence_from_a_heartbeat_is_judged(signs, now, since, verdict):
    assert absence(signs, now, since) is verdict


times = st.floats(0, 1e6)
signs_of_any_run = st.builds(
    Signs,
    preempting=st.booleans(),
    stop_requested=st.booleans(),
    handed_at=st.none() | times,
    listed_at=st.none() | times,
    streamed_at=st.none() | times,
    agent_heartbeat_at=st.none() | times,
    deliveries=st.integers(0, 5),
)


@given(signs_of_any_run, times, st.floats(0, 60))
def test_nobody_is_given_up_before_the_server_has_listened_for_a_whole_timeout(signs, since, elapsed):
    assert silence(signs, since + elapsed, since) is Verdict.ALIVE


@given(signs_of_any_run, times)
def test_every_run_that_was_given_to_an_agent_is_given_up_in_bounded_time(signs, since):
    late = max(since, *(each or 0 for each in (signs.listed_at, signs.streamed_at, signs.agent_heartbeat_at))) + 301
    waits_for_an_agent = not signs.started and signs.agent_heartbeat_at is None
    assert (silence(signs, late, since) is Verdict.ALIVE) == waits_for_an_agent


def test_an_agent_is_gone_after_its_timeout_only():
    assert not agent_is_gone(1000, now=1060, listening_since=0, timeouts=TIMEOUTS)
    assert agent_is_gone(1000, now=1061, listening_since=0, timeouts=TIMEOUTS)
    assert not agent_is_gone(1000, now=1061, listening_since=1050, timeouts=TIMEOUTS)
