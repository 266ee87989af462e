"""The cells of a grid stage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.problems import Place, Report
from wandbsweep.sweep.reading.parameters import read_parameters
from wandbsweep.sweep.stages.axes import with_values
from wandbsweep.sweep.stages.cells import Cells


def cells(bodies, points=5, cap=None):
    report = Report()
    parameters = read_parameters(bodies, Place(""), report)
    assert not report.errors
    return Cells.of(map(with_values, parameters), points, cap)


def of_one(body, points=5):
    return [cell["p"] for cell in cells({"p": body}, points)]


def test_a_range_is_tried_evenly_with_both_ends():
    assert of_one({"min": 0.0, "max": 2.0}) == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_a_logarithmic_range_is_tried_evenly_in_logarithms():
    values = of_one({"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1})

    assert values == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    assert (values[0], values[-1]) == (1e-5, 1e-1)


def test_whole_numbers_are_distinct_and_whole():
    assert of_one({"min": 1, "max": 3}) == [1, 2, 3]
    assert of_one({"min": 0, "max": 100}, 3) == [0, 50, 100]
    assert of_one({"distribution": "q_uniform", "min": 0.1, "max": 0.3, "q": 0.1}) == pytest.approx([0.1, 0.2, 0.3])


def test_lists_and_constants_are_tried_as_they_are():
    assert of_one({"values": ["a", "b"], "probabilities": [0.9, 0.1]}) == ["a", "b"]
    assert of_one({"value": 7}) == [7]


def test_cells_come_in_the_order_of_a_grid_while_all_are_tried():
    found = list(cells({"b": {"min": 0.0, "max": 1.0}, "a": {"values": [1, 2]}}, points=2, cap=100))

    assert found == [{"a": 1, "b": 0.0}, {"a": 1, "b": 1.0}, {"a": 2, "b": 0.0}, {"a": 2, "b": 1.0}]


@given(st.integers(2, 7), st.integers(2, 7), st.integers(1, 60))
def test_where_not_all_are_tried_each_is_tried_once_at_most(points, options, cap):
    found = cells({"a": {"min": 0.0, "max": 1.0}, "b": {"values": list(range(options))}}, points, cap)
    tried = [tuple(cell.items()) for cell in found]

    assert len(found) == len(tried) == len(set(tried)) == min(cap, points * options)


def test_where_not_all_are_tried_they_are_spread_over_the_grid():
    ranges = {name: {"min": 0.0, "max": 1.0} for name in "abcd"}
    found = list(cells(ranges, points=5, cap=50))  # of 625

    for name in "abcd":
        often = [sum(cell[name] == value for cell in found) for value in (0.0, 0.25, 0.5, 0.75, 1.0)]
        assert min(often) >= 5


def test_nested_parameters_are_recorded_as_mappings():
    found = list(cells({"optimizer": {"parameters": {"lr": {"min": 0.0, "max": 1.0}}}}, points=2))

    assert found == [{"optimizer": {"lr": 0.0}}, {"optimizer": {"lr": 1.0}}]
