"""`method: scan`: the trials, their order and their names, as robomimic's ConfigGenerator makes them."""

import itertools
import json
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.parameter import Column, Parameter
from wandbsweep.sweep.problems import Place
from wandbsweep.sweep.scan.in_kubernetes import for_kubernetes
from wandbsweep.sweep.scan.reading import expand

ROWS = yaml.safe_load(Path(__file__).with_name("scan_mistakes.yaml").read_text())

TUTORIAL = """\
method: scan
name: bc_rnn_hyper
program: train.py
parameters:
  algo.rnn.enabled: {value: true}
  train.seq_length: {value: 10, group: 0}
  algo.optim_params.policy.learning_rate.initial: {name: plr, group: 1, values: [0.001, 0.0001]}
  algo.gmm.enabled: {name: gmm, group: 2, values: [true, false], value_names: [t, f]}
  algo.rnn.hidden_dim: {name: rnnd, group: 3, values: [400, 1000]}
  algo.actor_layer_dims: {name: mlp, group: 3, values: [[1024, 1024], []], value_names: ["1024", "0"]}
"""
NAMES = [
    "bc_rnn_hyper_plr_0.001_gmm_t_rnnd_400_mlp_1024",
    "bc_rnn_hyper_plr_0.001_gmm_t_rnnd_1000_mlp_0",
    "bc_rnn_hyper_plr_0.001_gmm_f_rnnd_400_mlp_1024",
    "bc_rnn_hyper_plr_0.001_gmm_f_rnnd_1000_mlp_0",
    "bc_rnn_hyper_plr_0.0001_gmm_t_rnnd_400_mlp_1024",
    "bc_rnn_hyper_plr_0.0001_gmm_t_rnnd_1000_mlp_0",
    "bc_rnn_hyper_plr_0.0001_gmm_f_rnnd_400_mlp_1024",
    "bc_rnn_hyper_plr_0.0001_gmm_f_rnnd_1000_mlp_0",
]


def scan(parameters, **changes):
    return {"method": "scan", "program": "train.py", "parameters": parameters, **changes}


def trials(parameters, **changes):
    return read_definition(yaml.safe_dump(scan(parameters, **changes), sort_keys=False), field="scan.yaml").trials


def names(parameters, **changes):
    return [trial.name for trial in trials(parameters, **changes)]


def test_the_tutorials_scan_has_its_eight_names_in_its_order():
    definition = read_definition(TUTORIAL, field="scan.yaml")

    assert [trial.name for trial in definition.trials] == NAMES
    assert definition.trials[1].values == {
        "algo.rnn.enabled": True,
        "train.seq_length": 10,
        "algo.optim_params.policy.learning_rate.initial": 0.001,
        "algo.gmm.enabled": True,
        "algo.rnn.hidden_dim": 1000,
        "algo.actor_layer_dims": [],
    }
    assert definition.warnings == ()


def test_what_kubernetes_keeps_means_the_same():
    stored = json.loads(json.dumps(for_kubernetes(yaml.safe_load(TUTORIAL)), sort_keys=True))

    definition = read_definition(stored, field="spec.sweep")

    assert definition.trials == read_definition(TUTORIAL, field="scan.yaml").trials
    assert definition.warnings == ()


def test_a_mapping_in_an_object_is_warned_of_since_kubernetes_sorts_it():
    (warning,) = read_definition(yaml.safe_load(TUTORIAL), field="spec.sweep").warnings

    assert str(warning) == (
        "spec.sweep.parameters: are a mapping, which Kubernetes keeps in alphabetical order: so are the trials and "
        "their names; write a list of {key: ..., values: ...}"
    )


def test_values_that_kubernetes_would_change_travel_as_text():
    section = {"a.x": {"values": [0.0, 1.5], "group": 1}, "a.y": {"value": 1.0}, "a.z": {"values": [{"b": 1, "a": 2}]}}

    kept = for_kubernetes(scan(section, base_config={"z": 1.0, "a": 0}))

    assert kept["parameters"] == [
        {"key": "a.x", "values": "[0.0, 1.5]", "group": 1},
        {"key": "a.y", "values": "[1.0]", "name": ""},
        {"key": "a.z", "values": '[{"b": 1, "a": 2}]'},
    ]
    assert json.loads(kept["base_config"]) == {"z": 1.0, "a": 0}
    (first, _) = trials(kept["parameters"], name="n")
    assert first.name == "n_x_0.0_z_{'b': 1, 'a': 2}"
    assert json.dumps(first.values) == '{"a.x": 0.0, "a.y": 1.0, "a.z": {"b": 1, "a": 2}}'


def test_what_makes_no_sense_is_left_to_its_reader():
    assert for_kubernetes({"method": "scan", "parameters": {"a": 1}, "base_config": "{}"})["parameters"] == {"a": 1}
    assert for_kubernetes({"method": "scan", "parameters": [3]})["parameters"] == [3]
    assert for_kubernetes({"method": "scan"}) == {"method": "scan"}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1e-05, "p_1e-05"), (0.1 + 0.2, "p_0.30000000000000004"), (1.0, "p_1.0"), (400, "p_400"),
        (True, "p_True"), (None, "p_None"), ("a b", "p_a b"), ("", "p"),
        ([1024, 512], "p_1024_512"), ([], "p"), ([[1, 2], "x"], "p_[1, 2]_x"),
    ],
)  # fmt: skip
def test_a_value_is_told_as_python_writes_it_and_a_list_by_its_items(value, name):
    assert names({"a.p": {"values": [value]}}) == [name]


def test_a_name_is_the_last_part_of_the_key_unless_another_is_given():
    assert names({"a/b.c": {"values": [1, 2]}}) == ["c_1", "c_2"]


def test_constants_and_hidden_parameters_are_in_no_name():
    section = {
        "a.b": {"value": 1},
        "a.c": {"values": [2], "hidename": True},
        "a.d": {"values": [3], "name": ""},
        "a.e": {"value": 4, "name": "e"},
    }
    assert names(section, name="base") == ["base_e_4"]


def test_without_a_group_a_parameter_is_crossed_with_all_others():
    assert names({"a": {"values": [1, 2]}, "b": {"values": [1, 2]}}) == ["a_1_b_1", "a_1_b_2", "a_2_b_1", "a_2_b_2"]


def test_groups_are_texts_and_numbers_alike_and_the_first_one_seen_is_the_slowest():
    section = {
        "a": {"values": [1, 2], "group": 9},
        "b": {"values": [1, 2], "group": "fast"},
        "c": {"values": [3, 4], "group": 9},
    }
    assert names(section) == ["a_1_b_1_c_3", "a_1_b_2_c_3", "a_2_b_1_c_4", "a_2_b_2_c_4"]


def test_trials_are_called_after_the_experiment_of_the_base_configuration():
    base = {"experiment": {"name": "bc"}, "a": 1}
    command = ["train.py", "${config_json_file}"]
    assert names({"a": {"values": [1]}}, name="other", base_config=base, command=command) == ["bc_a_1"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["says"])
def test_a_mistake_in_a_scan(row):
    with pytest.raises(InvalidSweepError) as caught:
        trials(row["parameters"])
    assert list(map(str, caught.value.errors)) == [f"scan.yaml: parameters{row['says']}"]


def test_a_key_with_slashes_is_none_for_hydra():
    with pytest.raises(InvalidSweepError, match="Hydra cannot read the name 'a/b'"):
        trials({"a/b": {"values": [1]}}, command=["t", "${args_no_hyphens}"])


def test_a_scan_with_too_many_trials_is_refused_before_it_is_expanded():
    section = {f"p{number}": {"values": list(range(100))} for number in range(10)}
    with pytest.raises(InvalidSweepError, match=f"makes {100**10} trials, and a scan has at most 1000; split it"):
        trials(section)


def test_trials_that_are_too_large_together_are_refused():
    with pytest.raises(InvalidSweepError, match=r"all trials together take .* bytes .* at most 524288; put what all"):
        trials({"a": {"values": list(range(100))}, "b": {"value": "x" * 10_000}})


def test_a_trial_that_is_too_large_for_an_argument_is_refused():
    with pytest.raises(InvalidSweepError, match=r"one trial take .* bytes, and an argument carries at most 131071"):
        trials({"a": {"values": [1]}, "b": {"value": "x" * 131_060}})


def test_a_name_that_is_too_long_for_a_file_says_how_long_it_is():
    assert len(names({"a": {"values": ["é" * 124]}})[0].encode()) + len(".json") == 255
    with pytest.raises(InvalidSweepError, match=r"takes 257 bytes with \.json, and a file's name at most 255"):
        names({"a": {"values": ["é" * 125]}})


_LENGTHS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=5)


@st.composite
def parameters(draw):
    """Parameters in groups of 1 to 4 values, the groups in any order."""
    sizes: dict[object, int] = {}
    made = []
    for number, (group, alone) in enumerate(draw(_LENGTHS)):
        own = None if alone else group
        size = sizes.setdefault(number if alone else f"group {group}", draw(st.integers(1, 4)))
        values = [f"{number}{index}" for index in range(size)]
        column = Column(own, f"p{number}", None, hidden=False)
        made.append(
            Parameter((f"k{number}",), "categorical", {"values": values}, Place("x"), implied=True, column=column)
        )
    return made


def _groups(scan_parameters):
    found: dict[object, list[Parameter]] = {}
    for parameter in scan_parameters:
        group = parameter.column.group
        found.setdefault(parameter.path if group is None else group, []).append(parameter)
    return list(found.values())


@given(parameters())
def test_there_are_as_many_trials_as_the_groups_have_combinations(scan_parameters):
    cells = expand(scan_parameters, "")

    assert len(cells) == math.prod(len(members[0].values) for members in _groups(scan_parameters))
    assert len({cell.name for cell in cells}) == len(cells)


@given(parameters())
def test_the_first_group_is_the_slowest_and_a_group_changes_together(scan_parameters):
    groups = _groups(scan_parameters)
    points = itertools.product(*(range(len(members[0].values)) for members in groups))
    for cell, point in zip(expand(scan_parameters, "base"), points, strict=True):
        for members, index in zip(groups, point, strict=True):
            assert [cell.values[each.path[0]] for each in members] == [each.values[index] for each in members]


@given(parameters())
def test_keys_and_names_stand_in_the_order_in_which_they_were_written(scan_parameters):
    for cell in expand(scan_parameters, "base"):
        assert list(cell.values) == [parameter.path[0] for parameter in scan_parameters]
        told = [f"p{number}_{value}" for number, value in enumerate(cell.values.values())]
        assert cell.name == "_".join(["base", *told])


_VALUES = st.sampled_from([1, 1.0, "1", True, [1], [], "", None, "a/b", "..", 0.1])


@given(st.dictionaries(st.sampled_from(["a", "b", "c.a"]), st.lists(_VALUES, min_size=1, max_size=3), min_size=1))
def test_whatever_is_scanned_all_names_differ_and_are_fit_for_files_or_there_is_an_error(values):
    section = {key: {"values": each} for key, each in values.items()}
    try:
        found = names(section)
    except InvalidSweepError as error:
        assert {finding.rule.value for finding in error.errors} <= {"trial-names-collide", "trial-name-unfit"}  # noqa: PT017 - either outcome is right
    else:
        assert len(set(found)) == len(found) == math.prod(map(len, values.values()))
        assert all("/" not in name and name for name in found)
