"""The words that a sweep on W&B carries become, in the training container, what was meant: argv, name and files."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.rendering.cell import Cell, sent_cell
from wandbsweep.sweep.rendering.launch import (
    PROGRAM,
    SCAN,
    LaunchError,
    launch_words,
    method_on_wandb,
    read_launch,
    render_launch,
    values_of_scan,
)

BASE = {"experiment": {"name": "bc"}, "train": {"L2": 0.0}}
COMMAND = ["python", "train.py", "--config", "${config_json_file}"]
CELL = Cell("bc_l2_1.0", {"train.L2": 1.0, "train.b": {"z": 1, "a": 2.0}}, {"train.b": "big"})
SHORT = {"train.L2": "l2", "train.b": "b"}


def rendered(words, args):
    launch = read_launch(words[len(PROGRAM) :], args)
    return render_launch(launch, args_json_file="/home/args.json", config_folder="/home/configs")


def as_other_servers_keep_it(value):
    """Keys in alphabetical order, all numbers with 64 bits, and what is left of 1.0 is 1."""
    if isinstance(value, dict):
        return {key: as_other_servers_keep_it(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [as_other_servers_keep_it(each) for each in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    number = float(value)
    return int(Decimal(repr(number))) if number.is_integer() and abs(number) < 1e21 else number


def test_without_options_the_values_go_into_the_command():
    words = launch_words(["train.py", "${args_no_hyphens}", "${args_json_file}"])
    assert words == [
        "wandbsweep",
        "trial",
        "${args_json}",
        "--",
        "train.py",
        "$${args_no_hyphens}",
        "$${args_json_file}",
    ]

    trial = rendered(words, {"agent.lr": 1e-5})

    assert (trial.name, trial.values) == (None, {"agent.lr": 1e-5})
    assert trial.argv == ("train.py", "agent.lr=1e-05", "/home/args.json")
    assert trial.files == {"/home/args.json": '{"agent.lr": 1e-05}'}


def test_the_values_are_read_from_the_word_that_wandbs_agent_filled_in():
    assert read_launch(['{"lr": 0.1}', "--", "train.py", "--", "x"]).args == {"lr": 0.1}
    assert read_launch(['{"lr": 0.1}', "--", "train.py", "--", "x"]).command == ("train.py", "--", "x")


def test_a_base_configuration_gets_the_values_of_any_method():
    words = launch_words(COMMAND, base_config=BASE, base_config_file="base.json")

    trial = rendered(words, {"train.L2": 0.5, "train.new": None})

    assert trial.name is None
    assert trial.argv == ("python", "train.py", "--config", "/home/configs/config.json")
    assert json.loads(trial.files["/home/configs/config.json"]) == {
        "experiment": {"name": "bc"},
        "train": {"L2": 0.5, "new": None},
        "meta": {
            "hp_base_config_file": "base.json",
            "hp_keys": ["train.L2", "train.new"],
            "hp_values": [0.5, None],
        },
    }


def test_a_trial_of_a_scan_has_its_name_its_order_and_its_exact_values_back():
    words = launch_words([*COMMAND, "${args_json}"], short_names=SHORT, base_config=BASE)
    kept = as_other_servers_keep_it(sent_cell(CELL))
    assert repr(kept["values"]) == "{'train.L2': 1, 'train.b': {'a': 2, 'z': 1}}"

    trial = rendered(words, {SCAN: kept})

    assert trial.name == "bc_l2_1.0"
    assert json.dumps(trial.values) == '{"train.L2": 1.0, "train.b": {"z": 1, "a": 2.0}}'
    assert trial.argv[3:] == ("/home/configs/bc_l2_1.0.json", json.dumps(trial.values))
    assert json.loads(trial.files["/home/configs/bc_l2_1.0.json"]) == {
        "experiment": {"name": "bc_l2_1.0"},
        "train": {"L2": 1.0, "b": {"z": 1, "a": 2.0}},
        "meta": {"hp_base_config_file": None, "hp_keys": ["l2", "b"], "hp_values": [1.0, "big"]},
    }


def test_a_parameter_without_a_short_name_is_not_told():
    words = launch_words(COMMAND, short_names={**SHORT, "train.L2": ""}, base_config=BASE)
    meta = json.loads(next(iter(rendered(words, {SCAN: sent_cell(CELL)}).files.values())))["meta"]
    assert (meta["hp_keys"], meta["hp_values"]) == (["b"], ["big"])


def test_the_values_of_a_scan_fill_every_macro():
    words = launch_words(["t", "${args}", "${args_no_hyphens}", "${args_json_file}"], short_names={"a": "", "c.b": ""})
    trial = rendered(words, {SCAN: sent_cell(Cell("n", {"c.b": [1], "a": True}, {}))})
    assert trial.argv == ("t", "--a=True", "--c.b=[1]", "a=true", "c.b=[1]", "/home/args.json")
    assert trial.files == {"/home/args.json": '{"a": true, "c.b": [1]}'}


def test_no_macro_of_wandbs_agent_is_found_in_the_options():
    words = launch_words(
        ["t"], short_names={"${x}": "$"}, base_config={"$a": "${envvar:HOME}"}, base_config_file="${b}"
    )
    assert not any("$" in word for word in words[2:5])
    launch = read_launch(words[2:], {})
    assert (launch.short_names, launch.base_config, launch.base_config_file) == (
        {"${x}": "$"}, {"$a": "${envvar:HOME}"}, "${b}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected `wandbsweep trial"),
        (["{}", "--"], "expected `wandbsweep trial"),
        (["--scan={}", "{}", "true"], "expected `wandbsweep trial"),
        (["--fast", "{}", "--", "true"], "expected `wandbsweep trial"),
        (["nothing", "--", "true"], "what W&B handed out is not JSON"),
        (["[1]", "--", "true"], "the sampled values must be a JSON object"),
        (["--scan=[]", "{}", "--", "true"], "--scan must be a JSON object"),
        (["--base-config={", "{}", "--", "true"], "the value of --base-config is not JSON"),
        (["--base-config=1", "{}", "--", "true"], "--base-config must be a JSON object"),
        (['--scan={"a":""}', "{}", "--", "true"], "what W&B handed out is no trial of this scan: it has no name"),
        (['--scan={"a":""}', '{"scan":{"name":"/a","values":{"a":1}}}', "--", "t"], "it has no name that a file can"),
        (['--scan={"a":""}', '{"scan":{"name":"n"}}', "--", "true"], "no trial of this scan: it has no values by key"),
        (['--scan={"a":""}', '{"scan":{"name":"n","json":"{"}}', "--", "true"], "its values are no JSON"),
        (['--scan={"a":""}', '{"scan":{"name":"n","values":{}}}', "--", "true"], "it has no value for 'a'"),
        (["{}", "--", "$${config_json_file}"], "the sweep has no base_config"),
        (['--base-config={"a":1}', '{"a.b":1}', "--", "$${config_json_file}"], "'a', which is no mapping"),
        (['{"a":"\\u0000"}', "--", "$${args}"], "NUL character"),
    ],
)
def test_words_that_start_nothing_say_why(words, message):
    with pytest.raises(LaunchError) as caught:
        render_launch(read_launch(words), args_json_file="a", config_folder="c")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("config", "method"),
    [
        ({"method": "grid", "command": launch_words(["t"], short_names={"a": "b"})}, "scan"),
        ({"method": "grid", "command": launch_words(["t"], base_config={"a": "--scan="})}, "grid"),
        ({"method": "grid", "command": ["t", "--scan=1"]}, "grid"),
        ({"method": "grid", "command": [*launch_words(["t"]), "--", "--scan=1"]}, "grid"),
        ({"method": "bayes"}, "bayes"),
        ({}, None),
    ],
)
def test_a_sweep_on_wandb_is_known_for_a_scan_by_its_command(config, method):
    assert method_on_wandb(config) == method


def test_what_a_run_of_a_scan_tried_is_read_from_what_wandb_has_of_it():
    assert values_of_scan({SCAN: sent_cell(CELL)}) == CELL.values
    assert values_of_scan({"lr": 1}) == {"lr": 1}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab$", max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text("kij", min_size=1, max_size=2), _JSON, min_size=1, max_size=4))
def test_any_values_of_a_scan_arrive_exactly_and_in_their_order(values):
    words = launch_words(["t"], short_names=dict.fromkeys(values, ""))
    cell = sent_cell(Cell("n", values, {}))
    sent = json.loads(json.dumps(as_other_servers_keep_it(cell)))

    assert json.dumps(sent, sort_keys=True) == json.dumps(
        cell, sort_keys=True
    )  # so a grid that gets it back takes it for the one that it handed out
    assert json.dumps(rendered(words, {SCAN: sent}).values) == json.dumps(values)
