"""A grid's points are those of W&B's own engine, in its order, and only those that are looked at are made."""

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from wandbsweep.server.search import Search, Trial
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.trials.grid import count_points, grid_points

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, -0.0, 2.5]),
    st.sampled_from(["a", "b", "1"]),
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=2),
    st.dictionaries(st.sampled_from("pqr"), st.integers(0, 2), min_size=1, max_size=2),
)
WHOLE_RANGES = st.tuples(st.integers(-3, 3), st.integers(1, 3)).map(lambda pair: {"min": pair[0], "max": sum(pair)})
STEPS = st.builds(
    lambda low, width, q: {"distribution": "q_uniform", "min": low, "max": low + width, "q": q},
    st.sampled_from([0, -1, 0.1, 2.5]),
    st.sampled_from([1, 0.7, 2.0]),
    st.sampled_from([1, 0.25, 0.3]),
)
BODIES = st.one_of(
    st.lists(VALUES, min_size=1, max_size=4).map(lambda values: {"values": values}),
    WHOLE_RANGES,
    STEPS,
    VALUES.map(lambda value: {"value": value}),
)
NAMES = st.sampled_from(["b", "a", "lr", "Zeta", "_x"])
NESTED = st.dictionaries(NAMES, BODIES, min_size=1, max_size=2).map(lambda section: {"parameters": section})
SECTIONS = st.dictionaries(NAMES, st.one_of(BODIES, BODIES, NESTED), min_size=1, max_size=3)


def points_of(section):
    definition = read_definition({"method": "grid", "program": "train.py", "parameters": section}, field="sweep")
    return grid_points(definition.parameters)


def points_of_wandb(section, most):
    config = {"method": "grid", "parameters": section}
    trials = []
    while len(trials) < most and (proposed := Search().propose(config, trials)) is not None:
        trials.append(Trial(str(len(trials)), "finished", proposed))
    return [{name: wire["value"] for name, wire in trial.config.items()} for trial in trials]


@settings(max_examples=100, deadline=None)
@given(SECTIONS)
def test_the_order_and_the_values_are_those_of_wandbs_engine(section):
    searched = any("value" not in body for body in section.values())
    most = 12 if searched else 1

    ours = list(itertools.islice(points_of(section), most))
    theirs = points_of_wandb(section, most)

    assert [json.dumps(point, sort_keys=True) for point in ours] == [json.dumps(p, sort_keys=True) for p in theirs]
    assert [list(point) for point in ours] == [list(point) for point in theirs]


def test_the_first_name_is_the_slowest_whatever_the_order_in_the_file():
    section = {"b": {"values": [1, 2]}, "a": {"values": ["x", "y", "z"]}}

    assert [(point["a"], point["b"]) for point in points_of(section)] == [
        ("x", 1), ("x", 2), ("y", 1), ("y", 2), ("z", 1), ("z", 2),
    ]  # fmt: skip


def test_the_first_points_of_an_endless_grid_come_at_once():
    section = {name: {"min": 1, "max": 10**6} for name in "abcdefgh"}

    assert [point["h"] for point in itertools.islice(points_of(section), 3)] == [1, 2, 3]


def test_a_grid_can_have_more_points_than_a_list_can_hold():
    huge = {"min": 0, "max": 10**30}
    section = {"a": huge, "b": {"distribution": "q_uniform", "min": 0, "max": 1e30, "q": 0.5}}
    definition = read_definition({"method": "grid", "program": "train.py", "parameters": section}, field="sweep")

    assert next(grid_points(definition.parameters)) == {"a": 0, "b": 0.0}
    assert count_points(definition.parameters) > 10**60


def test_what_is_done_to_one_point_does_not_reach_another():
    first, second = points_of({"a": {"values": [[1]]}, "b": {"values": [1, 2]}})
    first["a"].append(2)

    assert second["a"] == [1]
