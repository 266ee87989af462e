"""Narrowed ranges: inside the ones before, at most half as wide, around the best."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.problems import Place, Report
from wandbsweep.sweep.reading.parameters import read_parameters
from wandbsweep.sweep.stages.axes import axis_of, with_values
from wandbsweep.sweep.stages.narrowing import narrowed

RANGES = [
    {"min": -3.0, "max": 5.0},
    {"min": 0.1, "max": 0.3},
    {"distribution": "uniform", "min": -1e6, "max": 0},
    {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-1},
    {"distribution": "inv_log_uniform_values", "min": 0.5, "max": 8},
    {"distribution": "log_uniform", "min": -9, "max": -1},
]
STEPPED = [
    {"min": 1, "max": 12},
    {"min": 0, "max": 1},
    {"min": -7, "max": 1000000},
    {"distribution": "q_uniform", "min": 0.1, "max": 0.9, "q": 0.1},
    {"distribution": "q_uniform", "min": 0, "max": 500, "q": 25},
    {"distribution": "q_log_uniform_values", "min": 16, "max": 4096, "q": 8},
    {"distribution": "q_log_uniform", "min": 0, "max": 6},
]
shares = st.floats(0, 1)
widths = st.floats(0.1, 5)


def parameter(body):
    report = Report()
    (found,) = read_parameters({"p": body}, Place(""), report)
    assert not report.errors
    return with_values(found)


def bounds(found):
    """On the scale of the distribution, of a constant both ends are one."""
    if found.values is not None:
        (value,) = found.values
        return value, value
    axis = axis_of(found)
    return axis.low, axis.high


def values_at(found, places):
    axis = axis_of(found)
    return [axis.drawn(place) for place in places] if axis else [found.values[0] for _ in places]


@given(st.sampled_from(RANGES + STEPPED), st.lists(st.lists(shares, min_size=1, max_size=6), max_size=4), widths)
def test_a_range_stays_inside_the_one_before_and_is_at_most_half_as_wide(body, rounds, width):
    before = parameter(body)
    whole = axis_of(before)
    for places in rounds:
        tried = values_at(before, [*places, 0.2, 0.7])
        after = narrowed(before, values_at(before, places), tried, width)
        drawn = values_at(after, [0, *places, 1])
        assert all(whole.least <= value <= whole.most for value in drawn)
        if before.values is None and after.values is None:
            (low, high), (least, most) = bounds(before), bounds(after)
            assert low <= least < most <= high
            assert most - least <= (high - low) / 2 * (1 + 1e-9)
        elif after.values is not None:
            assert before.values or all(map(axis_of(before).holds, after.values))
        before = after


@given(st.sampled_from(STEPPED), st.lists(shares, min_size=1, max_size=6), st.lists(shares, max_size=5), widths)
def test_values_in_steps_stay_in_steps(body, places, drawn, width):
    before = parameter(body)
    step = body.get("q", 1)
    after = narrowed(before, values_at(before, places), values_at(before, places), width)

    for value in values_at(after, drawn):
        assert value / step == pytest.approx(round(value / step))
        assert isinstance(value, int) or isinstance(step, float)


@given(st.sampled_from(RANGES), st.lists(shares, min_size=1, max_size=8), widths, widths)
def test_more_standard_deviations_make_no_narrower_range(body, places, width, other):
    before = parameter(body)
    best = values_at(before, places)

    (low, high), (least, most) = (
        bounds(narrowed(before, best, best, each)) for each in (max(width, other), min(width, other))
    )

    assert low <= least
    assert most <= high


def test_the_range_is_the_mean_with_so_many_standard_deviations_to_each_side():
    after = narrowed(parameter({"min": 0.0, "max": 10.0}), [4.0, 6.0], [4.0, 4.9, 5.1, 6.0], 2)

    assert after.settings == {"min": 3.0, "max": 7.0}


def test_a_logarithmic_range_is_narrowed_in_logarithms():
    body = {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-2}
    after = narrowed(parameter(body), [1e-4, 1e-4], [1e-5, 1e-4, 1e-3], 2)

    assert after.settings["min"] == pytest.approx(10**-4.5)
    assert after.settings["max"] == pytest.approx(10**-3.5)


def test_exponents_are_narrowed_as_the_values_that_they_are():
    after = narrowed(parameter({"distribution": "log_uniform", "min": -8, "max": 0}), [math.exp(-4)], [], 2)

    assert after.settings["min"] == pytest.approx(math.exp(-6))
    assert after.settings["max"] == pytest.approx(math.exp(-2))


def test_where_the_best_runs_of_a_grid_share_one_value_the_range_reaches_halfway_to_its_neighbours():
    after = narrowed(parameter({"min": 0.0, "max": 1.0}), [0.5] * 5, [0, 0.25, 0.5, 0.75, 1.0], 2)

    assert after.settings == {"min": 0.375, "max": 0.625}


def test_at_the_edge_the_range_is_cut_off():
    after = narrowed(parameter({"min": 0.0, "max": 1.0}), [1.0] * 5, [0, 0.5, 1.0], 2)

    assert after.settings == {"min": 0.75, "max": 1.0}


def test_whole_numbers_stay_whole():
    after = narrowed(parameter({"min": 1, "max": 12}), [4, 5, 6], range(1, 13), 2)

    assert after.settings == {"min": 4, "max": 6}
    assert all(isinstance(bound, int) for bound in after.settings.values())


def test_one_whole_number_that_is_left_is_a_constant():
    assert narrowed(parameter({"min": 1, "max": 2}), [2, 2], [1, 2], 2).values == (2,)


def test_a_list_keeps_the_values_that_occur_among_the_best_in_its_order():
    before = parameter({"values": ["relu", "tanh", [1, 2], True, 1.0]})

    assert narrowed(before, [1, [1, 2], "relu"], [], 2).values == ("relu", [1, 2], 1.0)


def test_weights_of_a_list_stay_in_proportion():
    before = parameter({"values": ["a", "b", "c"], "probabilities": [0.5, 0.3, 0.2]})
    after = narrowed(before, ["b", "c", "c"], [], 2)

    assert after.settings["values"] == ["b", "c"]
    assert after.settings["probabilities"] == pytest.approx([0.6, 0.4])


@pytest.mark.parametrize("body", [{"value": 3}, *RANGES, {"values": [1, 2]}])
def test_without_good_runs_everything_stays_as_it_is(body):
    assert narrowed(parameter(body), [], [], 2) == parameter(body)


def test_a_constant_stays():
    assert narrowed(parameter({"value": 3}), [3], [3], 2) == parameter({"value": 3})
