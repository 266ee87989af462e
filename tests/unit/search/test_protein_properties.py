"""What holds for any space, any results and any order of telling."""

import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wandbsweep.search.protein import BeyondCostError, Protein

few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
pytestmark = pytest.mark.timeout(300)  # each example is a search
QUICK = {"num_random_samples": 3, "random_suggestions": 128, "suggestions_per_pareto": 16}

RANGES = st.sampled_from(
    [
        {"distribution": "uniform", "min": -3, "max": 5},
        {"distribution": "uniform", "min": 0.1, "max": 0.3, "mean": 0.1},
        {"distribution": "int_uniform", "min": 1, "max": 6, "mean": 2},
        {"distribution": "int_uniform", "min": 0, "max": 1000000},
        {"distribution": "uniform_pow2", "min": 16, "max": 4096, "scale": "time"},
        {"distribution": "log_normal", "min": 1e-6, "max": 1e-2, "mean": 3e-4, "scale": 0.1},
        {"distribution": "logit_normal", "min": 0.5, "max": 0.9999, "scale": 3},
        {"values": ["a", "b", "c"]},
        {"values": [32, 64, 256]},
        {"values": [True, False]},
        {"value": [1, 2]},
    ]
)
spaces = st.lists(RANGES, min_size=1, max_size=4).map(lambda bodies: {f"p{n}": body for n, body in enumerate(bodies)})
seeds = st.integers(0, 2**32)
results = st.lists(
    st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 1e5), st.sampled_from([False, False, False, True])),
    min_size=5,
    max_size=8,
)


def suggested(protein, told, sign=1.0, in_flight=2):
    """The suggestions of a search that is told these results in turn, with so many trials in flight."""
    found = [protein.ask() for _ in range(in_flight)]
    for number, (score, cost, failed) in enumerate(told):
        protein.tell(found[number].id, sign * score, cost, failed=failed)
        found.append(protein.ask())
    return found


def lies_in(body, value):
    if "value" in body:
        return value == body["value"]
    if "values" in body:
        return value in body["values"]
    return body["min"] <= value <= body["max"]


@few
@given(spaces, results, seeds)
def test_to_minimize_is_to_maximize_the_negated_score(space, told, seed):
    up = suggested(Protein(space, "maximize", seed=seed, **QUICK), told)
    down = suggested(Protein(space, "minimize", seed=seed, **QUICK), told, sign=-1.0)

    assert [each.values for each in up] == [each.values for each in down]
    assert [each.predicted_cost for each in up] == [each.predicted_cost for each in down]
    for left, right in zip(up, down, strict=True):
        assert left.predicted_score == (None if right.predicted_score is None else -right.predicted_score)


@few
@given(spaces, results, seeds, st.floats(1, 1e4))
def test_no_suggestion_leaves_its_bounds_or_is_predicted_to_exceed_the_cap(space, told, seed, cap):
    protein = Protein(space, seed=seed, **QUICK, max_suggestion_cost=cap)
    found = []
    try:
        for score, cost, failed in told:
            found.append(protein.ask())
            protein.tell(found[-1].id, score, cost, failed=failed)
    except BeyondCostError:
        assert any(cost >= cap / 2 for _, cost, _ in told)

    for suggestion in found:
        assert all(lies_in(space[name], value) for name, value in suggestion.values.items())
        assert suggestion.predicted_cost is None or suggestion.predicted_cost < cap


@few
@given(spaces, results, seeds, st.randoms(use_true_random=False))
def test_any_order_of_telling_gives_the_same_state(space, told, seed, rng):
    first, second = (Protein(space, seed=seed, **QUICK, resample_frequency=5) for _ in range(2))
    trials = [first.ask() for _ in told]
    shuffled = rng.sample(list(zip(trials, told, strict=True)), len(told))

    for suggestion, (score, cost, failed) in zip(trials, told, strict=True):
        first.tell(suggestion.id, score, cost, failed=failed)
    for suggestion, (score, cost, failed) in shuffled:
        second.tell_existing(suggestion.values, score, cost, failed=failed)

    assert first.front() == second.front()
    for _ in range(2):
        mine, other = first.ask(), second.ask()
        assert (mine.values, mine.predicted_score, mine.why) == (other.values, other.predicted_score, other.why)


@few
@given(spaces, results)
def test_nothing_on_the_front_is_beaten_and_all_else_is(space, told):
    protein = Protein(space, seed=1)
    rng = random.Random(0)
    for score, cost, failed in told:
        protein.tell(protein.ask().id, round(score / 200), round(math.exp(rng.randint(0, 3)), 3) if cost else 0, failed)

    front = protein.front()

    for one in front:
        assert not any(
            o.score >= one.score and o.cost <= one.cost and (o.score, o.cost) != (one.score, one.cost) for o in front
        )
    assert bool(front) == any(not failed for _, _, failed in told)
