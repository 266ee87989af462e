"""Protein's space: every value has its coordinate and comes back from it; nothing leaves its bounds."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wandbsweep.sweep.parameter import Parameter
from wandbsweep.sweep.problems import Place
from wandbsweep.sweep.protein.space import RANGES, WHOLE, Space, middle, space_of

reals = st.floats(-1e300, 1e300, allow_subnormal=False)
positive = st.floats(1e-300, 1e300, allow_subnormal=False)
shares = st.floats(1e-12, 1, exclude_max=True)
wholes = st.integers(-(2**45), 2**45)
powers = st.integers(0, 53).map(lambda exponent: 2**exponent)
VALUES = {
    "uniform": reals,
    "int_uniform": wholes,
    "uniform_pow2": powers,
    "log_normal": positive,
    "logit_normal": shares,
}


@st.composite
def spaces(draw):
    distribution = draw(st.sampled_from(RANGES))
    low, mean, high = sorted(draw(st.lists(VALUES[distribution], min_size=3, max_size=3)))
    assume(low < high)
    return Space(distribution, low, high, mean, draw(st.floats(0.01, 3)))


@st.composite
def spaces_with_values(draw):
    space = draw(spaces())
    return space, draw(VALUES[space.distribution].filter(lambda value: space.low <= value <= space.high))


coordinates = st.floats(-3, 3)


@given(spaces())
def test_the_bounds_are_at_minus_one_and_one_and_the_mean_comes_back_bit_for_bit(space):
    assume(space.coordinate(space.low) < space.coordinate(space.high))

    assert (space.coordinate(space.low), space.coordinate(space.high)) == (-1, 1)
    assert space.value(space.center) == space.mean
    assert space.value(-1.0) == (space.low if space.center > -1 else space.mean)
    assert space.value(1.0) == (space.high if space.center < 1 else space.mean)


@given(spaces_with_values())
def test_a_value_comes_back_from_its_coordinate(drawn):
    space, value = drawn

    back = space.value(space.coordinate(value))

    if space.distribution in WHOLE:
        assert back == value
    elif space.distribution == "logit_normal":
        assert math.isclose(1 - back, 1 - value, rel_tol=1e-9, abs_tol=1e-15)
    elif space.distribution == "log_normal":
        assert math.isclose(back, value, rel_tol=1e-9)
    else:
        assert math.isclose(back, value, rel_tol=1e-9, abs_tol=1e-12 * max(abs(space.low), abs(space.high)))


@given(spaces(), coordinates)
def test_no_coordinate_leads_out_of_the_range_and_whole_numbers_are_ints(space, coordinate):
    value = space.value(coordinate)

    assert space.low <= value <= space.high
    assert isinstance(value, int if space.distribution in WHOLE else float)
    if space.distribution == "uniform_pow2":
        assert value & (value - 1) == 0


@given(spaces(), coordinates, coordinates)
def test_a_greater_coordinate_is_no_smaller_value(space, one, other):
    low, high = sorted((one, other))
    assume(high - low > 1e-9)

    assert space.value(low) <= space.value(high)


@given(spaces_with_values(), st.data())
def test_a_greater_value_is_at_no_smaller_coordinate(drawn, data):
    space, value = drawn
    other = data.draw(VALUES[space.distribution].filter(lambda each: value <= each <= space.high))

    assert space.coordinate(value) <= space.coordinate(other)


@given(spaces(), reals)
def test_a_value_outside_the_range_has_no_coordinate(space, value):
    assume(not space.low <= value <= space.high)

    with pytest.raises(ValueError, match="is not between"):
        space.coordinate(value)


@pytest.mark.parametrize(
    ("distribution", "low", "high", "expected"),
    [
        ("uniform", 0.0, 3.0, 1.5),
        ("int_uniform", 16, 128, 72),
        ("int_uniform", 1, 4, 2),
        ("uniform_pow2", 16, 64, 32),
        ("uniform_pow2", 16, 128, 64),
        ("log_normal", 1e-4, 1e-2, 1e-3),
        ("logit_normal", 0.9, 0.999, 0.99),
    ],
)
def test_the_middle_of_a_range_is_in_the_middle_of_its_scale(distribution, low, high, expected):
    found = middle(distribution, low, high)

    assert found == pytest.approx(expected)
    assert type(found) is type(low)


@pytest.mark.parametrize(
    ("distribution", "low", "high"), [("uniform", -1.7e308, 1.7e308), ("log_normal", 1.0, 1.0000000000000002)]
)
def test_the_widest_and_the_narrowest_range_have_a_middle(distribution, low, high):
    assert low <= middle(distribution, low, high) <= high


def a_parameter(name, distribution, **settings):
    return Parameter((name,), distribution, settings, Place("parameters") / name, implied=False)


RATE = a_parameter("trainer.optimizer.learning_rate", "log_normal", min=1e-4, max=1e-3, mean=5e-4, scale=0.5)


def test_the_space_of_a_parameter_has_its_settings():
    assert space_of(RATE) == Space("log_normal", 1e-4, 1e-3, 5e-4, 0.5)
