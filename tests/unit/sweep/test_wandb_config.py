"""What W&B is sent, and that the stock agent's own functions leave the user's values to the trial launcher."""

import json

import pytest

from stock_agent import stock_agent_argv
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.macros import render_command
from wandbsweep.sweep.wandb_config import (
    definition_digest,
    definition_token,
    digest_of_token,
    effective_run_cap,
    grid_size,
    wandb_config,
)

BASE = {"method": "random", "program": "train.py", "parameters": {"lr": {"values": [0.1, 0.2]}}}


def define(**changes):
    return read_definition({**BASE, **changes}, field="spec.sweep")


def configure(definition, **changes):
    wanted = {
        "display_name": "anymal",
        "uid": "u-1",
        "token": "1-t",
        "max_runs": None,
        "runs_per_agent": None,
        "agent_count": 3,
    }
    return wandb_config(definition, **{**wanted, **changes})


def test_the_definition_is_sent_with_name_marker_and_wrapped_command():
    assert configure(define()) == {
        "method": "random",
        "program": "train.py",
        "parameters": {"lr": {"values": [0.1, 0.2]}},
        "name": "anymal",
        "description": "wandbsweep.dev/uid: u-1/1-t",
        "command": [
            "wandbsweep", "trial", "${args_json}", "--", "${env}", "${interpreter}", "${program}", "$${args}",
        ],
    }  # fmt: skip


def test_the_users_name_and_description_are_kept():
    config = configure(define(name="mine", description="First try.\n"))

    assert config["name"] == "mine"
    assert config["description"] == "First try.\n\nwandbsweep.dev/uid: u-1/1-t"


def test_the_definition_itself_is_not_changed():
    definition = define(command=["python", "${program}", "${args}"])
    before = json.dumps(definition.config)

    configure(definition)["parameters"]["lr"]["values"].append(1)

    assert json.dumps(definition.config) == before


@pytest.mark.parametrize(
    ("changes", "wanted", "cap"),
    [
        ({}, {}, None),
        ({}, {"max_runs": 7}, 7),
        ({"run_cap": 5}, {}, 5),
        ({"run_cap": 5}, {"max_runs": 7}, 7),
        ({"run_cap": 5.0}, {"runs_per_agent": 10}, 5),
        ({}, {"runs_per_agent": 10}, 30),
        ({}, {"runs_per_agent": 10, "agent_count": 0}, 10),
        ({"method": "grid"}, {"runs_per_agent": 10}, None),
        ({"method": "grid"}, {"max_runs": 2}, 2),
    ],
)
def test_the_run_cap_comes_from_the_object_then_the_file_then_the_agents(changes, wanted, cap):
    definition = define(**changes)

    assert (
        effective_run_cap(definition, **{"max_runs": None, "runs_per_agent": None, "agent_count": 3, **wanted}) == cap
    )
    assert configure(definition, **wanted).get("run_cap") == cap


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({"a": {"values": [1, 2, 3]}, "b": {"values": ["x", "y"]}}, 6),
        ({"a": {"values": [1, 1.0, 2]}}, 2),
        ({"a": {"values": [True, 1, "1"]}}, 3),
        ({"a": {"values": [{"x": 1, "y": 2}, {"y": 2, "x": 1}]}}, 1),
        ({"a": {"value": 7}, "b": {"min": 1, "max": 4, "distribution": "int_uniform"}}, 4),
        ({"a": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}}, 4),
        ({"n": {"parameters": {"a": {"values": [1, 2]}, "b": {"values": [3, 4]}}}}, 4),
    ],
)
def test_the_size_of_a_grid_is_the_number_of_its_different_points(parameters, size):
    assert grid_size(define(method="grid", parameters=parameters)) == size


def test_other_methods_have_no_size():
    assert grid_size(define()) is None


def test_the_stock_agent_leaves_values_to_the_launcher_and_fills_in_the_rest(monkeypatch):
    monkeypatch.setenv("TASK", "Isaac-Anymal-v0")
    args = {"agent.lr": 1e-05, "agent.rnn": None, "agent.name": "it's", "agent.dims": [1, 2.0], "flag": False}
    command = ["${env}", "${interpreter}", "${program}", "--task=${envvar:TASK}", "${args_no_hyphens}", "$${args}"]

    argv = stock_agent_argv(configure(define(command=command))["command"], args)
    launcher, trial, values, dashes, *escaped = argv

    assert (launcher, trial, dashes) == ("wandbsweep", "trial", "--")
    assert json.loads(values) == args
    assert render_command(escaped, json.loads(values), args_json_file="x") == [
        "/usr/bin/env", "python", "train.py", "--task=Isaac-Anymal-v0",
        "agent.lr=1e-05", "agent.rnn=null", "agent.name='it\\'s'", "agent.dims=[1,2.0]", "flag=false", "$${args}",
    ]  # fmt: skip


@pytest.mark.parametrize("macro", ["${args}", "${args_no_equals}", "${args_no_boolean_flags}", "${args_json}"])
def test_the_launcher_gives_the_same_arguments_as_the_stock_agent_where_those_are_exact(macro):
    args = {"lr": 1e-05, "n": 3, "flag": True, "off": False, "name": "a b", "none": None, "dims": [1, 2.5]}

    ours = stock_agent_argv(configure(define(command=["python", macro]))["command"], args)

    assert render_command(ours[4:], args, args_json_file="x") == stock_agent_argv(["python", macro], args)


def digest(*, entity=None, project="legs", **changes):
    return definition_digest(define(**changes), entity=entity, project=project)


@pytest.mark.parametrize("changes", [{"name": "rough"}, {"description": "Rough."}, {"run_cap": 9}])
def test_what_w_and_b_can_change_makes_no_other_sweep(changes):
    assert digest(**changes) == digest()


OTHERS = {
    "a value": {"parameters": {"lr": {"values": [0.1, 0.3]}}},
    "the method": {"method": "grid"},
    "the program": {"program": "play.py"},
    "the command": {"command": ["python", "${program}", "${args}"]},
    "the metric": {"metric": {"name": "loss"}},
    "the entity of the definition": {"entity": "lab"},
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_everything_else_makes_another_sweep(changes):
    assert digest(**changes) != digest()


def test_a_project_that_the_object_overrules_makes_no_other_sweep():
    assert definition_digest(define(project="arms"), entity=None, project="legs") == digest()


def test_where_a_sweep_is_belongs_to_what_it_is():
    assert len({digest(), digest(project="arms"), digest(entity="lab")}) == 3


def test_keys_in_another_order_are_the_same_sweep():
    definition = dict(reversed(BASE.items()))

    read = read_definition(definition, field="spec.sweep")
    assert definition_digest(read, entity=None, project="legs") == digest()


def test_a_token_tells_its_digest_and_a_later_generation_is_another():
    token = definition_token(digest(), 7)

    assert digest_of_token(token) == digest()
    assert token != definition_token(digest(), 8)
