"""A sweep on W&B is read for what it searches, whoever made it and whatever W&B calls its method."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.on_wandb import Facts, facts_of, values_of_run
from wandbsweep.sweep.wandb_config import wandb_config
from wandbsweep.tracking.config_text import config_text, parse_config

REWARD = {"name": "reward", "goal": "maximize"}
LR = {"lr": {"distribution": "uniform", "min": 0.0, "max": 1.0}}
TWO = {"values": [1, 2]}

OURS = {
    "a scan without a metric": (
        {"method": "scan", "parameters": {"a": TWO, "b": TWO}, "run_cap": 3},
        Facts("scan", None, None, 3, 4),
    ),
    "a scan with a metric": (
        {"method": "scan", "parameters": {"a": TWO}, "metric": REWARD},
        Facts("scan", "reward", "maximize", None, 2),
    ),
    "a search by Protein": (
        {"method": "protein", "parameters": LR, "metric": REWARD},
        Facts("protein", "reward", "maximize", 20, None),
    ),
    "a grid": (
        {"method": "grid", "parameters": {"a": TWO, "b": {"values": [1, 2, 3]}}},
        Facts("grid", None, None, None, 6),
    ),
    "a search by Optuna": (
        {"method": "custom", "scheduler": {"engine": "optuna"}, "parameters": LR, "metric": {"name": "loss"}},
        Facts("custom", "loss", "minimize", 20, None),
    ),
    "a search for two metrics": (
        {
            "method": "custom",
            "scheduler": {"engine": "optuna", "source": "s.py", "search_space": "draw"},
            "metrics": [REWARD, {"name": "loss"}],
        },
        Facts("custom", "reward", "maximize", 20, None),
    ),
    "a grid by W&B's own engine": (
        {"method": "grid", "scheduler": {"engine": "wandb"}, "parameters": {"a": TWO}},
        Facts("grid", None, None, None, 2),
    ),
}


@pytest.mark.parametrize(("definition", "facts"), OURS.values(), ids=OURS)
def test_what_was_sent_is_read_in_its_users_words(definition, facts):
    read = read_definition({"program": "t.py", **definition}, field="sweep")
    sent = wandb_config(read, display_name="d", uid="u", token="1-t", max_runs=None, runs_per_agent=5, agent_count=4)

    assert facts_of(parse_config(config_text(sent))) == facts


FROM_ELSEWHERE = {
    "nothing": ({}, Facts("unknown", None, None, None, None)),
    "a method of tomorrow": ({"method": "hyper", "metric": REWARD}, Facts("hyper", "reward", "maximize", None, None)),
    "a grid that cannot be gone through": (
        {"method": "grid", "parameters": {"a": {"distribution": "normal"}}, "run_cap": 7},
        Facts("grid", None, None, 7, None),
    ),
    "a search that nobody here made": (
        {"method": "custom", "metric": REWARD},
        Facts("custom", "reward", "maximize", None, None),
    ),
    "no scan, for all its parameter's name": (
        {"method": "random", "parameters": {"scan": {"values": [1]}}},
        Facts("random", None, None, None, None),
    ),
}


@pytest.mark.parametrize(("config", "facts"), FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE)
def test_a_sweep_from_elsewhere_tells_what_it_tells(config, facts):
    assert facts_of(config) == facts


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["method", "metric", "metrics", "run_cap", "parameters", "command", "scheduler"]


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, anything)))
def test_no_configuration_stops_a_reading(config):
    facts_of(config)


def test_the_values_of_a_run_are_those_that_the_search_chose():
    note = {"name": "s.r.3", "number": 3, "score": 0.5, "cost": None}
    cell = {"name": "bc_lr_0.1", "values": {"algo.lr": 0.1}}

    assert values_of_run({"lr": 0.1, "wandbsweep": note}) == {"lr": 0.1}
    assert values_of_run({"scan": cell, "lr": "a tenth"}) == {"algo.lr": 0.1}
    assert values_of_run({"scan": 3}) == {"scan": 3}
