"""A search is told what it needs and no more, and a definition that is too large for it is refused with its field."""

from __future__ import annotations

import json

import pytest

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.search_order import LARGEST_BYTES, OrderError, read_order, search_order
from wandbsweep.sweep.searching import Engine, engine_of

RANGE = {"lr": {"distribution": "uniform", "min": 0.0, "max": 1.0}}
REWARD = {"name": "reward", "goal": "maximize"}
PROTEIN = {"method": "protein", "metric": REWARD, "parameters": RANGE}


def read(**definition):
    return read_definition({"program": "t.py", **definition}, field="spec.sweep")


def order_of(*, name="anymal", max_runs=16, retry_failed=0, **definition):
    return search_order(read(**definition), name=name, max_runs=max_runs, retry_failed=retry_failed)


@pytest.mark.parametrize(
    ("definition", "engine"),
    [
        (PROTEIN, Engine.PROTEIN),
        ({"method": "scan", "parameters": {"a": {"values": [1]}}}, Engine.SCAN),
        ({"method": "custom", "metric": REWARD, "parameters": RANGE, "scheduler": {"engine": "optuna"}}, Engine.OPTUNA),
        ({"method": "custom", "metric": REWARD, "parameters": RANGE, "scheduler": {"engine": "ax"}}, Engine.AX),
        ({"method": "bayes", "metric": REWARD, "parameters": RANGE, "scheduler": {"engine": "wandb"}}, Engine.WANDB),
        ({"method": "bayes", "metric": REWARD, "parameters": RANGE}, None),
        ({"method": "grid", "parameters": {"a": {"values": [1]}}}, None),
    ],
)
def test_who_searches_is_told_by_the_method_and_the_scheduler(definition, engine):
    assert engine_of(read(**definition)) is engine
    assert (order_of(**definition) is None) == (engine is None)


def test_an_order_comes_out_of_its_text_as_it_went_in():
    order = order_of(**PROTEIN, retry_failed=2)

    assert read_order(order.to_json()) == order
    assert (order.engine, order.name, order.max_runs, order.retry_failed) == (Engine.PROTEIN, "anymal", 16, 2)


def test_runs_are_named_after_the_sweeps_own_name_if_it_has_one():
    assert order_of(**PROTEIN).name == "anymal"
    assert order_of(**PROTEIN | {"name": "lr-hunt"}).name == "lr-hunt"


def test_the_search_of_a_scan_reads_its_trials_from_w_and_b():
    assert order_of(method="scan", parameters={"a": {"values": [1, 2]}}, max_runs=None).definition == {}


def test_what_all_trials_have_in_common_stays_with_them():
    command = ["python", "t.py", "${config_json_file}"]
    order = order_of(**PROTEIN, base_config={"lr": 0.1}, base_config_file="b.json", command=command)
    assert order.definition.keys().isdisjoint({"base_config", "base_config_file"})


def test_equal_definitions_make_equal_texts_whatever_the_order_of_their_keys():
    backwards = dict(reversed(PROTEIN.items()))
    assert order_of(**PROTEIN).to_json() == order_of(**backwards).to_json()


def test_a_definition_that_is_too_large_for_a_search_is_refused_by_its_field():
    words = [f"{number:06}" for number in range(LARGEST_BYTES // 8)]
    with pytest.raises(OrderError, match=r"^spec\.sweep has \d+ bytes, and a search takes 102400: shorten its lists"):
        order_of(**PROTEIN | {"parameters": {"word": {"values": words}}})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"engine": "tpe"}', json.dumps({"engine": "scan", "size": 1})])
def test_what_is_no_order_is_refused(text):
    with pytest.raises(OrderError, match="the search order cannot be read: "):
        read_order(text)
