"""The mathematics under Protein: regression, scales, the front, and the area that a candidate adds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad

from wandbsweep.search.protein.front import front_of, without_dear_end
from wandbsweep.search.protein.gaussian_process import GaussianProcess, Prior, Sample, _Improbability, fitted
from wandbsweep.search.protein.rating import Outlook, Steps
from wandbsweep.search.protein.scales import Scale
from wandbsweep.search.protein.subset import chosen
from wandbsweep.search.protein.surrogate import Forecast

RNG = np.random.default_rng(0)
GROUPS = np.array([0, 1, 1])


def sample(count, noise=0.0):
    points = RNG.uniform(-1, 1, (count, 3))
    targets = np.sin(3 * points[:, 0]) + noise * RNG.normal(size=count)
    return Sample(points, targets, np.ones(count))


def test_the_slope_of_a_kernels_probability_is_right():
    improbability = _Improbability(sample(12), GROUPS, Prior().rows(2))

    off = check_grad(lambda logs: improbability(logs)[0], lambda logs: improbability(logs)[1], RNG.normal(size=5) / 2)

    assert off < 1e-4


def test_a_fitted_process_predicts_and_knows_how_well():
    known = sample(60, noise=0.05)
    process = GaussianProcess(fitted(known, GROUPS, Prior()), known)
    points = RNG.uniform(-0.9, 0.9, (200, 3))

    mean, doubt = process.predict(points)

    off = np.abs(mean - np.sin(3 * points[:, 0]))
    assert np.mean(off) < 0.1
    assert np.mean(off < 3 * doubt) > 0.9


def test_what_joins_a_process_leaves_less_doubt_around_it():
    known = sample(10)
    process = GaussianProcess(fitted(known, GROUPS, Prior()), known)
    point = np.array([[0.9, -0.9, 0.9]])
    (mean,), (doubt,) = process.predict(point)

    joined = process.joined(point, np.array([mean]))

    (mean_after,), (doubt_after,) = joined.predict(point)
    assert mean_after == pytest.approx(mean, abs=1e-6)
    assert doubt_after < doubt


numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=30).map(np.array)


@given(numbers)
def test_numbers_come_back_from_their_scale(found):
    scale = Scale.of(found, "linear")

    assert scale.back(scale.there(found)) == pytest.approx(found, rel=1e-6, abs=1e-6 * max(1, np.max(np.abs(found))))


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=30).map(np.array), st.sampled_from([1, -1]))
def test_shares_come_back_from_their_logits_for_both_goals(shares, sign):
    scale = Scale.of(sign * shares, "percentile")

    assert scale.back(scale.there(sign * shares)) == pytest.approx(sign * shares, rel=1e-6)


scores = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=20)


@given(scores)
def test_a_trial_is_on_the_front_if_no_other_beats_it(trials):
    score, cost = (np.array(column, dtype=float) for column in zip(*trials, strict=True))
    beaten = {
        one
        for one in range(len(trials))
        if any(s >= score[one] and c <= cost[one] and (s, c) != (score[one], cost[one]) for s, c in trials)
    }

    front = front_of(score, cost)

    assert set(front) == set(range(len(trials))) - beaten
    assert list(cost[front]) == sorted(cost[front])


def test_a_dear_end_that_pays_is_kept():
    score, cost = np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 2.0])

    assert list(without_dear_end(np.array([0, 1, 2]), score, cost)) == [0, 1, 2]


def area_of(score, log_cost, kind="naive", doubt=1e-9):
    """What a candidate adds to a front of score 1 from log cost 0 and 3 from 2, which ends at 4, on a plain scale."""
    forecast = Forecast(np.array([score]), np.array([doubt]), np.array([log_cost]), np.ones(1))
    steps = Steps.of(np.array([1.0, 3.0]), np.array([0.0, 2.0]), 0.0, 4.0)
    return float(steps.area(forecast, Scale(1.0, 0.0, 1.0), Outlook.of(kind, 2.0))[0])


@pytest.mark.parametrize(
    ("score", "log_cost", "area"),
    [(2, 1, 1), (2, 0, 2), (4, 1, 3 + 2), (4, 3, 1), (0.5, 3, 0), (0.5, -1, 0.5), (9, 4, 0)],
)
def test_a_candidate_adds_the_area_between_itself_and_the_front(score, log_cost, area):
    assert area_of(score, log_cost) == pytest.approx(area, abs=1e-4)
    assert area_of(score, log_cost, "ei") == pytest.approx(area, abs=1e-4)


def test_an_uncertain_candidate_promises_more():
    certain, uncertain = area_of(2.5, 2, "ei"), area_of(2.5, 2, "ei", doubt=1.0)

    assert certain == pytest.approx(0, abs=1e-6)
    assert uncertain > 0.3
    assert area_of(2.5, 2, "ucb", doubt=1.0) > uncertain


def test_a_subset_holds_the_best_in_their_order():
    worth = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 0.0])

    kept = chosen(worth, 4, np.random.default_rng(1))

    assert {0, 2} <= set(kept)
    assert list(kept) == sorted(kept)
    assert len(kept) == 4
    assert list(chosen(worth, 6, np.random.default_rng(1))) == [0, 1, 2, 3, 4, 5]
