"""What the stages of a trial took, as it goes into the run's summary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.agent.evaluation import Evaluation, StageSeconds
from wandbsweep.agent.watch import Limits

seconds = st.floats(0, 1e6)


@given(seconds, seconds)
def test_the_whole_is_the_sum_of_its_stages(train, evaluate):
    told = StageSeconds(train, evaluate).of_summary({"reward": 1.0, "time.train": 99.0})
    assert told == {
        "time.train": round(train, 3),
        "time.eval": round(evaluate, 3),
        "time.total": round(train + evaluate, 3),
    }


@given(seconds, seconds)
def test_a_run_that_went_on_has_trained_before(before, train):
    told = StageSeconds(train, 1.0, resumed=True).of_summary({"time.train": before})
    assert told["time.train"] == pytest.approx(before + train, abs=1e-3)
    assert told["time.total"] == pytest.approx(before + train + 1.0, abs=2e-3)


@pytest.mark.parametrize("summary", [{}, {"time.train": "long"}, {"time.train": None}])
def test_a_summary_without_an_earlier_training_adds_nothing(summary):
    assert StageSeconds(2.0, None, resumed=True).of_summary(summary) == {"time.train": 2.0, "time.total": 2.0}


def test_an_interrupted_run_has_no_total_yet():
    assert StageSeconds(2.0, None, over=False).of_summary({}) == {"time.train": 2.0}


def test_an_evaluation_has_what_the_training_left_of_the_trials_time():
    limits = Evaluation(("e",), timeout=60).limits(Limits(startup=5, stall=7, whole=100), spent=90)
    assert (limits.startup, limits.stall, limits.whole, limits.evaluation) == (0.0, 7, 10, 60)
    assert Evaluation(("e",)).limits(Limits(whole=100), spent=200).whole > 0
    assert Evaluation(("e",)).limits(Limits(), spent=200) == Limits()
