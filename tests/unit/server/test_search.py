"""Proposals of W&B's engines, and what the server adds to them."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wandbsweep.server.search import Search, SearchError, Trial, metric_value


@pytest.fixture(scope="module")
def search():
    return Search()


values = st.lists(st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "a", True]), min_size=1, max_size=4)
bounds = st.tuples(st.integers(-3, 3), st.integers(1, 4)).map(lambda pair: {"min": pair[0], "max": sum(pair)})
parameters = st.one_of(
    values.map(lambda each: {"values": each}),
    bounds,
    st.builds(lambda each: {"value": each}, st.integers()),
    bounds.map(lambda each: {"distribution": "q_uniform", "q": 1, **each}),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from("abc"), parameters, min_size=1, max_size=3))
def test_a_grid_proposes_as_many_different_runs_as_its_size(search, chosen):
    definition = {"method": "grid", "parameters": chosen}
    trials, seen = [], set()
    while (config := search.propose(definition, trials)) is not None:
        trials.append(Trial(str(len(trials)), "finished", config))
        seen.add(json.dumps(config, sort_keys=True))
        assert len(trials) < 300
    constants_only = all("value" in each for each in chosen.values())
    assert len(seen) == search.grid_size(definition) or constants_only


def test_what_is_proposed_is_plain_json_bit_for_bit(search):
    definition = {
        "method": "random",
        "parameters": {
            "lr": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-1},
            "n": {"min": 1, "max": 9},
            "q": {"distribution": "q_normal", "mu": 0.0, "sigma": 1.0, "q": 0.1},
            "nested": {"parameters": {"a": {"min": 0.0, "max": 1.0}}},
        },
    }
    config = search.propose(definition, [])
    assert json.loads(json.dumps(config)) == config
    assert {type(each["value"]) for each in config.values()} == {float, int, dict}


def test_threads_do_not_get_the_same_random_numbers(search):
    definition = {"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}}
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(search.propose(definition, [])["x"]["value"])) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 16


def test_a_grid_too_large_to_list_is_refused_before_it_is_listed(search):
    definition = {"method": "grid", "parameters": {name: {"values": list(range(50))} for name in "abcd"}}
    with pytest.raises(SearchError, match="6250000 points"):
        search.propose(definition, [])


def test_hyperband_names_the_runs_that_fall_behind(search):
    definition = {
        "method": "random",
        "metric": {"name": "loss", "goal": "minimize"},
        "early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 2},
        "parameters": {"x": {"min": 0.0, "max": 1.0}},
    }
    good = [Trial(f"good{n}", "finished", {}, [1.0, 0.1, 0.1]) for n in range(3)]
    assert search.losers(definition, [*good, Trial("bad", "running", {}, [9.0, 9.0, 9.0])]) == ["bad"]
    assert search.losers(definition, [*good, Trial("bad", "finished", {}, [9.0, 9.0, 9.0])]) == []


@pytest.mark.parametrize(
    ("row", "name", "value"),
    [
        ({"loss": 1}, "loss", 1.0),
        ({"eval": {"loss": 2}}, "eval.loss", 2.0),
        ({"eval.loss": 3, "eval": {"loss": 2}}, "eval.loss", 3.0),
        ({"loss": None}, "loss", None),
        ({"loss": True}, "loss", None),
        ({"loss": "low"}, "loss", None),
        ({"eval": 1}, "eval.loss", None),
        ({}, "loss", None),
    ],
)
def test_a_metric_is_found_flat_or_nested(row, name, value):
    assert metric_value(row, name) == value


X = {"x": {"min": 0.0, "max": 1.0}}
LOSS = {"metric": {"name": "loss", "goal": "minimize"}}
BOTH = {"metrics": [{"name": "loss", "goal": "minimize"}, {"name": "size", "goal": "maximize"}]}


@pytest.mark.parametrize(
    ("definition", "warning"),
    [
        ({"method": "custom", "parameters": X} | LOSS, None),
        ({"method": "custom", "parameters": X, "scheduler": {"engine": "optuna"}} | LOSS, None),
        ({"method": "custom", "parameters": X, "scheduler": {"engine": "optuna"}} | BOTH, None),
        ({"method": "bayes", "parameters": X, "scheduler": {"engine": "wandb"}} | LOSS, None),
        ({"method": "random", "parameters": X, "scheduler": {"engine": "optuna"}} | LOSS, "does not support"),
        ({"method": "custom", "parameters": X, "scheduler": {"engine": "other"}} | LOSS, "is not supported"),
        ({"method": "random", "parameters": X} | BOTH, "requires `method: custom`"),
    ],
)
def test_sweeps_that_are_searched_elsewhere_are_checked_as_on_wandb(search, definition, warning):
    found = search.violations(definition)
    assert any(warning in each for each in found) if warning else found == []
