"""What W&B gets of a definition in W&B's own form is what its user wrote."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.reading.distributions import DISTRIBUTIONS
from wandbsweep.sweep.wandb_parameters import run_values, wandb_parameters

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,5}(\.[a-z]{1,3}){0,2}", fullmatch=True).filter(
    lambda name: not name.endswith(("_cli_path", "_base_dict"))
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
low, high = st.integers(1, 5) | st.floats(0.25, 5.0), st.integers(6, 9) | st.floats(5.5, 9.0)
SETTINGS = {
    "min": low,
    "max": high,
    "value": plain,
    "values": st.lists(plain, min_size=2, max_size=2),
    "probabilities": st.sampled_from([[0.5, 0.5], [0, 1], [0.25, 0.75]]),
    **dict.fromkeys(("mu", "sigma", "q", "a", "b"), st.integers(1, 3) | st.floats(0.5, 2.0)),
}


@st.composite
def bodies(draw):
    """The settings of one parameter, in any order, with or without the name of its distribution."""
    name = draw(st.sampled_from(sorted(DISTRIBUTIONS)))
    distribution = DISTRIBUTIONS[name]
    optional = draw(st.lists(st.sampled_from(distribution.takes), unique=True)) if distribution.takes else []
    body = {key: draw(SETTINGS[key]) for key in (*distribution.needs, *optional)}
    if distribution.whole:
        body |= {"min": draw(st.integers(1, 5)), "max": draw(st.integers(6, 9))}
    inferable = not distribution.takes and body.keys() & {"value", "values", "min"}
    kinds = {type(body[key]) for key in ("min", "max") if key in body}
    if not inferable or len(kinds) > 1 or draw(st.booleans()):
        body["distribution"] = name
    return dict(draw(st.permutations(list(body.items()))))


def sections(inner, most=4):
    return st.dictionaries(names, inner, min_size=1, max_size=most)


PARAMETERS = sections(
    bodies() | sections(bodies() | sections(bodies(), 2).map(lambda group: {"parameters": group}), 3).map(
        lambda group: {"parameters": group}
    )
)  # fmt: skip


def in_order(section):
    """As text that tells the order of parameters and the type of each number."""
    if isinstance(section, dict) and "parameters" in section:
        return {"parameters": [(name, in_order(body)) for name, body in section["parameters"].items()]}
    return json.dumps(section, sort_keys=True)


@settings(max_examples=200, deadline=None)
@given(PARAMETERS)
def test_wandb_gets_the_parameters_that_the_user_wrote(parameters):
    definition = read_definition(
        {"method": "random", "command": ["train", "${args_json}"], "parameters": parameters}, field="sweep"
    )

    sent = wandb_parameters(definition.parameters)

    assert in_order({"parameters": sent}) == in_order({"parameters": parameters})


@pytest.mark.parametrize("bounds", [{"min": 0.5, "max": 2}, {"min": 1, "max": 2.5}])
def test_wandb_is_told_what_a_whole_and_a_real_bound_mean(bounds):
    definition = read_definition(
        {"method": "random", "command": ["train", "${args}"], "parameters": {"x": bounds}}, field="sweep"
    )

    assert wandb_parameters(definition.parameters) == {"x": {"distribution": "uniform", **bounds}}


def test_what_is_sent_can_be_changed_without_changing_the_definition():
    definition = read_definition(
        {"method": "random", "command": ["train", "${args}"], "parameters": {"x": {"values": [[1], [2]]}}},
        field="sweep",
    )

    wandb_parameters(definition.parameters)["x"]["values"][0].append(3)

    assert definition.parameters[0].values == ([1], [2])


def test_nested_values_are_recorded_as_one_mapping():
    section = {"a": {"parameters": {"b": {"parameters": {"c": {"value": 1}}}}}}
    definition = read_definition(
        {"method": "random", "command": ["train", "${args_json}"], "parameters": section}, field="sweep"
    )

    assert run_values(definition.parameters[0], 1) == {"a": {"b": {"c": 1}}}
