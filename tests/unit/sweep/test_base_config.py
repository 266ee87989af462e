"""`base_config`: inline, as text, or in a ConfigMap; refused where it fits neither the command nor the keys."""

import json

import pytest

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.reading.base_config import ConfigMapKey, base_config_source

BASE = {"experiment": {"name": "bc"}, "train": {"seed": 1, "L2": 0.0}}
REFERENCE = {"configMapKeyRef": {"name": "robots", "key": "base.json"}}
CONFIG_MAPS = {("robots", "base.json"): json.dumps(BASE)}


def sweep(base=BASE, **changes):
    return {
        "method": "random",
        "command": ["python", "train.py", "--config", "${config_json_file}"],
        "parameters": {"train.seed": {"values": [1, 2]}},
        **({} if base is None else {"base_config": base}),
        **changes,
    }


def scan(base=BASE, **changes):
    return sweep(base, method="scan", **changes)


def content(base, config_maps=CONFIG_MAPS):
    return read_definition(sweep(base), field="spec.sweep", config_maps=config_maps).base_config.content


def mistakes(definition, config_maps=CONFIG_MAPS):
    with pytest.raises(InvalidSweepError) as caught:
        read_definition(definition, field="spec.sweep", config_maps=config_maps)
    return list(map(str, caught.value.errors))


@pytest.mark.parametrize(
    "given",
    [
        BASE,
        json.dumps(BASE, indent=4),
        "experiment: {name: bc}  # as YAML\ntrain:\n  seed: 1\n  L2: 0.0\n",
        REFERENCE,
    ],
)
def test_it_may_stand_in_the_definition_as_text_or_in_a_config_map(given):
    assert content(given) == BASE


def test_text_keeps_order_and_numbers():
    text = '{"z": 0.0, "train": {"b": 1e-7, "a": 12345678901234567890}}'
    assert json.dumps(content(text)) == '{"z": 0.0, "train": {"b": 1e-07, "a": 12345678901234567890}}'


def test_a_config_map_that_is_not_at_hand_leaves_the_rest_to_be_checked():
    definition = read_definition(sweep(REFERENCE), field="spec.sweep")
    assert definition.base_config.content is None
    assert definition.base_config.config_map == ConfigMapKey("robots", "base.json")
    assert read_definition(scan(REFERENCE), field="spec.sweep").trials == ()


def test_a_config_map_that_is_at_hand_has_to_have_the_key():
    given = {("robots", "bases.json"): "{}", ("others", "base.json"): "{}"}
    (found,) = mistakes(sweep(REFERENCE), given)
    place, _, message = found.partition(": ")
    assert place == "spec.sweep.base_config.configMapKeyRef.key"
    assert message == "ConfigMap robots has no key 'base.json'; did you mean 'bases.json'?"


def test_which_config_map_has_to_be_read_is_known_before_the_definition_is():
    assert base_config_source(sweep(REFERENCE)) == ConfigMapKey("robots", "base.json")
    assert base_config_source("base_config: {configMapKeyRef: {name: a, key: b}}") == ConfigMapKey("a", "b")
    for nothing in (sweep(), "a: [", {}, sweep({"configMapKeyRef": {"name": "a"}})):
        assert base_config_source(nothing) is None


def test_where_it_came_from_is_told():
    assert read_definition(sweep(base_config_file="/tmp/b.json"), field="s").base_config.file == "/tmp/b.json"


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (3, (": must be a mapping, not a number; write the configuration, its text as JSON or YAML, or "
            "{configMapKeyRef: {name: ..., key: ...}}")),
        ("[1]", (": must be a mapping, not a list; write the configuration, its text as JSON or YAML, or "
                "{configMapKeyRef: {name: ..., key: ...}}")),
        ({}, ": is empty; write the sections that the parameters' keys lead through"),
        ("{}", ": is empty; write the sections that the parameters' keys lead through"),
        ('{"a" 1}', ": is neither YAML nor JSON: Expecting ':' delimiter: line 1 column 6 (char 5)"),
        ("a: b: c", ": is not valid YAML: line 1, column 5: mapping values are not allowed here"),
        ("train: {seed: 2024-01-01}", ".train.seed: YAML reads this as a date; put it in quotes"),
        ({"configMapKeyRef": {"name": "a"}}, (".configMapKeyRef: must name a ConfigMap and a key in it; write "
                                             "{configMapKeyRef: {name: <ConfigMap>, key: <key in it>}}")),
    ],
)  # fmt: skip
def test_what_is_no_configuration_is_refused(base, message):
    assert mistakes(sweep(base)) == [f"spec.sweep.base_config{message}"]


def test_a_mistake_in_a_config_map_is_told_where_it_is():
    (found,) = mistakes(scan(REFERENCE), {("robots", "base.json"): '{"train": {}}'})
    assert found == (
        "ConfigMap robots/base.json: experiment: is missing, and it takes the name of each trial; give it "
        "{name: <what the names of trials begin with>}"
    )


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ({"train": {}}, (".experiment: is missing, and it takes the name of each trial; give it "
                        "{name: <what the names of trials begin with>}")),
        ({"train": {}, "experiment": 1}, (".experiment: must be a mapping, not a number, and it takes the name of each "
                                         "trial; give it {name: <what the names of trials begin with>}")),
        ({"train": {}, "experiment": {"name": 1}}, ".experiment.name: must be text, not a number"),
    ],
)  # fmt: skip
def test_a_scan_needs_an_experiment_to_name(base, message):
    assert mistakes(scan(base)) == [f"spec.sweep.base_config{message}"]


def test_other_methods_leave_the_experiment_alone():
    assert read_definition(sweep({"train": {}}), field="s").base_config.content == {"train": {}}


def test_the_macro_needs_a_configuration():
    assert mistakes(sweep(None)) == [
        (
            "spec.sweep.base_config: is missing, and the command uses ${config_json_file}; give the configuration "
            "that the values go into, inline or from a ConfigMap"
        )
    ]


@pytest.mark.parametrize("command", [["train.py", "${args}"], ["train.py", "--config=${config_json_file}", "${args}"]])
def test_a_configuration_that_reaches_nobody_is_a_mistake(command):
    assert (
        "spec.sweep.base_config: reaches nobody: the command has no word ${config_json_file}; pass it on, for example "
        "as --config and ${config_json_file}, each a word of its own"
    ) in mistakes(sweep(command=command))


def test_a_source_of_nothing_is_a_mistake():
    assert mistakes(sweep(None, base_config_file="b.json", command=["t", "${args}"])) == [
        (
            "spec.sweep.base_config_file: says where base_config came from, and there is none; give base_config, or "
            "remove it"
        )
    ]


@pytest.mark.parametrize("method", ["random", "scan"])
def test_every_key_has_to_lead_somewhere_and_only_its_last_name_may_be_new(method):
    keys = {"train.new": {"values": [1]}, "algo.lr": {"values": [2, 3]}, "train.seed.x": {"value": 4}}
    assert mistakes(sweep(method=method, parameters=keys)) == [
        (
            "spec.sweep.parameters[algo.lr]: 'algo.lr' leads through 'algo', which base_config does not have (it has "
            "experiment, train there); correct the key, or add the section to base_config"
        ),
        (
            "spec.sweep.parameters[train.seed.x]: 'train.seed.x' leads through 'train.seed', which is no mapping in "
            "base_config; correct the key"
        ),
    ]


def test_a_key_may_lead_through_the_value_of_another_one():
    keys = {"train.optim": {"values": [{"lr": 1}, 5], "value_names": ["a", "b"]}, "train.optim.lr": {"values": [2]}}
    (found,) = mistakes(scan(parameters=keys))
    assert "'train.optim.lr' leads through 'train.optim', which is no mapping" in found
    keys["train.optim"]["values"][1] = {}
    assert len(read_definition(scan(parameters=keys), field="s").trials) == 2


def test_nested_parameters_have_to_be_written_as_one_name():
    nested = {"train": {"parameters": {"seed": {"values": [1]}}}}
    assert mistakes(sweep(parameters=nested)) == [
        (
            "spec.sweep.parameters.train.parameters.seed: nested parameters have no place in base_config; write "
            "'train.seed' as one name"
        )
    ]


def test_the_target_of_a_scaled_dictionary_is_a_key_too():
    gains = {"gain": {"min": 0.5, "max": 2.0, "gain_cli_path": "robot.gains", "gain_base_dict": '{"knee": 100.0}'}}
    (found,) = mistakes(sweep(parameters=gains))
    assert "'robot.gains' leads through 'robot'" in found
    assert read_definition(sweep({"robot": {}}, parameters=gains), field="s").base_config.content == {"robot": {}}


@pytest.mark.parametrize("method", ["random", "scan"])
def test_a_configuration_has_to_fit_into_one_argument(method):
    large = {**BASE, "x": "$" * 25_000}  # six bytes each, so that no macro can be in it
    assert mistakes(sweep(large, method=method)) == [
        (
            "spec.sweep.base_config: takes 150077 bytes as an argument of the trial launcher, which carries at most "
            "131071; leave out what the training script has as its default"
        )
    ]
