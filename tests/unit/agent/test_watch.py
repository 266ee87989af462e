"""A watchdog never ends a trainer before its time, never on a guess, and always once it knows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.watch import BadLimitError, Limits, Sight, next_question, verdict

OFF = Limits()
seconds = st.floats(0, 1e5)
limit = st.one_of(st.just(0.0), st.floats(0.5, 1e5))
limits = st.builds(Limits, startup=limit, stall=limit, whole=limit, lingering=st.floats(0, 100))


@st.composite
def sights(draw):
    """Whatever can be seen: everything after the start."""
    start = draw(seconds)
    later = st.one_of(st.none(), st.floats(start, start + 2e5))
    return Sight(start, draw(later), draw(later), draw(later), draw(later))


@given(limits, sights(), seconds)
def test_a_trainer_is_ended_at_its_time_and_not_before(limits, sight, elapsed):
    now = sight.started_at + elapsed
    cause = verdict(limits, sight, now)
    if cause is Cause.RUN_TIMEOUT:
        assert limits.whole
        assert now >= sight.started_at + limits.whole
    elif cause is Cause.STARTUP_TIMEOUT:
        assert limits.startup
        assert now >= sight.started_at + limits.startup
        assert sight.metric_at is None
    elif cause is Cause.STALLED:
        assert limits.stall
        assert now >= sight.silent_since + limits.stall
    elif cause is Cause.FINISHED:
        assert now >= sight.finished_at + limits.lingering
    else:
        assert cause is None


@given(limits, sights(), seconds, seconds)
def test_a_verdict_is_not_taken_back_by_time_alone(limits, sight, elapsed, more):
    now = sight.started_at + elapsed
    if verdict(limits, sight, now) is not None:
        assert verdict(limits, sight, now + more) is not None


@given(limits, sights(), seconds)
def test_without_an_answer_of_wandb_only_the_whole_trial_is_limited(limits, sight, elapsed):
    unknown = replace(sight, answered_at=None, metric_at=None, finished_at=None)
    assert verdict(limits, unknown, sight.started_at + elapsed) in {None, Cause.RUN_TIMEOUT}


@given(limits, sights(), seconds)
def test_an_answer_from_before_the_deadline_proves_nothing(limits, sight, elapsed):
    sight = replace(sight, answered_at=sight.started_at, finished_at=None)
    assert verdict(limits, sight, sight.started_at + elapsed) in {None, Cause.RUN_TIMEOUT}


@given(sights(), seconds)
def test_limits_that_are_off_end_nothing(sight, elapsed):
    assert verdict(OFF, replace(sight, finished_at=None), sight.started_at + elapsed) is None


@given(limits, sights(), seconds)
def test_the_next_question_comes_later_and_within_a_minute(limits, sight, since_start):
    asked_at = sight.started_at + since_start
    due = next_question(limits, sight, asked_at)
    assert asked_at < due <= asked_at + 60.1


@given(limits, st.floats(0.5, 1e4))
def test_a_deadline_is_a_time_to_ask(limits, startup):
    limits = replace(limits, startup=startup)
    assert next_question(limits, Sight(0.0), 0.0) <= max(startup, 0.2)


def test_a_trainer_without_output_and_metric_is_stalled_once_wandb_was_asked_after_the_time():
    limits = Limits(stall=100)
    sight = Sight(0, output_at=50, answered_at=149, metric_at=20)
    assert verdict(limits, sight, 200) is None
    assert verdict(limits, replace(sight, answered_at=150), 150) is Cause.STALLED


def test_a_metric_is_a_sign_of_life_without_any_output():
    assert verdict(Limits(stall=100), Sight(0, None, 180, metric_at=120), 200) is None


def test_a_trial_whose_run_has_finished_counts_as_finished_though_its_time_is_over():
    assert verdict(Limits(whole=10), Sight(0, finished_at=5), 20) is None
    assert verdict(Limits(whole=10), Sight(0, finished_at=5), 35) is Cause.FINISHED


def test_wandb_is_asked_soon_after_the_output_has_ended():
    """A simulator that hangs at its end says nothing any more."""
    assert next_question(OFF, Sight(0, output_at=100, metric_at=10), asked_at=90) == 110


def test_wandb_is_asked_rarely_while_there_is_output():
    """Each look at the clock finds output that is newer, so what remains is the question of every minute."""
    sight, asked_at, asked = Sight(0, output_at=0, metric_at=1), 0.0, 0
    for now in range(600):
        sight = replace(sight, output_at=float(now))
        if now >= next_question(OFF, sight, asked_at):
            asked, asked_at = asked + 1, float(now)
    assert asked <= 10


def test_limits_come_from_the_environment():
    environ = {"WANDBSWEEP_STARTUP_TIMEOUT_SECONDS": "300", "WANDBSWEEP_STALL_TIMEOUT_SECONDS": ""}
    assert Limits.from_environ(environ) == Limits(startup=300)


@pytest.mark.parametrize("text", ["5m", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_named_with_the_remedy(text):
    with pytest.raises(BadLimitError, match=r"WANDBSWEEP_TIMEOUT_SECONDS is .*: set it to"):
        Limits.from_environ({"WANDBSWEEP_TIMEOUT_SECONDS": text})


def test_a_trainer_that_an_evaluation_follows_need_not_log_but_must_not_be_silent():
    limits = Limits(startup=60, logs_later=True)
    assert verdict(limits, Sight(0, output_at=50, answered_at=105), 109) is None
    assert verdict(limits, Sight(0, output_at=50, answered_at=111), 112) is Cause.STARTUP_TIMEOUT
    assert verdict(replace(limits, logs_later=False), Sight(0, output_at=50, answered_at=61), 62) is not None


def test_the_time_of_an_evaluation_needs_no_witness():
    limits = Limits(evaluation=30)
    assert verdict(limits, Sight(0), 29) is None
    assert verdict(limits, Sight(0), 30) is Cause.EVALUATION_FAILED


def test_a_training_that_still_prints_after_it_closed_its_run_is_not_ended_before_its_evaluation():
    limits = Limits(logs_later=True)
    assert verdict(limits, Sight(0, output_at=50, finished_at=5), 79) is None
    assert verdict(limits, Sight(0, output_at=50, finished_at=5), 80) is Cause.FINISHED
