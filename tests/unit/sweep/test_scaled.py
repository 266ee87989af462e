"""AGILE's scaled dictionaries: written as AGILE has them, sent to W&B as AGILE sends them, refused with the remedy."""

import json
from pathlib import Path

import pytest
import yaml

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.wandb_parameters import run_values, wandb_parameters

TARGET = "env.scene.robot.actuators.legs.stiffness"
BASE = '{\n  ".*_hip_yaw_joint": 100.0,\n  "waist.*": 200.0\n}\n'
VALUES = {".*_hip_yaw_joint": 100.0, "waist.*": 200.0}
RANGE = {"distribution": "uniform", "min": 0.5, "max": 2.0}
ROWS = [
    pytest.param(row["given"], row["says"], id=row["says"])
    for row in yaml.safe_load(Path(__file__).with_name("scaled_mistakes.yaml").read_text())
]
FLAT = {"gain": RANGE, "gain_cli_path": {"value": TARGET}, "gain_base_dict": {"value": BASE}}
COMMAND = ["python", "train.py", "${args_no_hyphens}"]


def nested(target=None, base=None, **settings):
    companions = {"gain_cli_path": target or {"value": TARGET}, "gain_base_dict": base or {"value": BASE}}
    return {"gain": {**(settings or RANGE), **companions}}


def read(parameters, method="random", command=COMMAND):
    sweep = {"method": method, "metric": {"name": "reward", "goal": "maximize"}, "command": command}
    definition = read_definition({**sweep, "parameters": parameters}, field="sweep")
    return definition.parameters


def errors(parameters, **options):
    with pytest.raises(InvalidSweepError) as caught:
        read(parameters, **options)
    return [str(error) for error in caught.value.errors]


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(nested(), id="nested, as in AGILE's example"),
        pytest.param(FLAT, id="flat, as W&B has it"),
        pytest.param(dict(reversed(FLAT.items())), id="flat in another order"),
        pytest.param(nested(target=TARGET, base=BASE), id="without value:"),
        pytest.param(nested(target={"distribution": "constant", "value": TARGET}), id="as constants"),
        pytest.param(
            {"gain": {**RANGE, "gain_cli_path": TARGET}, "gain_base_dict": {"value": BASE}}, id="one inside, one beside"
        ),
    ],
)
def test_however_it_is_written_wandb_gets_three_parameters_and_the_users_own_text(parameters):
    (gain,) = read(parameters)

    assert gain.path == ("gain",)
    assert gain.argument == gain.scaled.target == TARGET
    assert gain.scaled.base == VALUES
    assert wandb_parameters([gain]) == FLAT
    assert list(wandb_parameters([gain])) == ["gain", "gain_cli_path", "gain_base_dict"]


@pytest.mark.parametrize(
    "base",
    [
        {".*_hip": 100, "arm": [1.5, 2], "legs": {"knee": 0.1}},
        ".*_hip: 100\narm: [1.5, 2]\nlegs:\n  knee: 0.1\n",
        '{".*_hip": 100, "arm": [1.5, 2], "legs": {"knee": 0.1},}',
    ],
)  # fmt: skip
def test_a_base_that_is_no_json_becomes_json(base):
    (gain,) = read(nested(base={"value": base}))

    assert gain.scaled.base_text == '{".*_hip": 100, "arm": [1.5, 2], "legs": {"knee": 0.1}}'
    assert json.loads(gain.scaled.base_text) == gain.scaled.base


def test_the_example_of_agile_is_read_without_a_word_of_complaint():
    text = yaml.safe_dump({"method": "random", "command": COMMAND, "parameters": nested()})

    definition = read_definition(text, field="sweep.yaml")

    assert definition.warnings == ()
    assert run_values(definition.parameters[0], 1.25) == {
        "gain": 1.25, "gain_cli_path": TARGET, "gain_base_dict": BASE,
    }  # fmt: skip


def test_any_method_and_any_kind_of_number_can_scale():
    (gain,) = read(nested(values=[1, 2.5]), method="grid")
    assert gain.scaled.target == TARGET
    (gain,) = read(nested(distribution="log_normal", min=0.5, max=2.0, mean=1.0, scale=0.5), method="protein")
    assert gain.scaled.target == TARGET


@pytest.mark.parametrize(
    "parameters",
    [
        {"rnn_type": {"value": "lstm"}, "agent.terrain_type": {"values": ["a", "b"]}},
        {"robot_cli_path": {"value": "a.b"}, "x_base_dict": {"values": ["y", "z"]}},
        {"robot_cli_path": {"value": "a.b"}, "robot_base_dict": {"value": "{}"}},
        {"robot": {"value": 1}, "robot_path": {"value": "a"}, "robot_dict": {"value": "b"}, "robot_type": {"value": 2}},
    ],
)
def test_parameters_that_only_sound_like_companions_are_ordinary_ones(parameters):
    read_parameters = read(parameters)

    assert [parameter.scaled for parameter in read_parameters] == [None] * len(parameters)
    assert wandb_parameters(read_parameters) == parameters


@pytest.mark.parametrize(("parameters", "message"), ROWS)
def test_what_is_wrong_names_the_parameter_and_the_remedy(parameters, message):
    found = errors(parameters)

    assert f"sweep.parameters{message}" in found


@pytest.mark.parametrize("base", ["{unclosed: [1", '{"a": 1 "b": 2}', "a: b: c"])
def test_a_base_that_is_neither_json_nor_yaml_is_refused_with_the_place_in_it(base):
    (message,) = errors(nested(base={"value": base}))

    assert message.startswith("sweep.parameters.gain.gain_base_dict.value: is not valid YAML: line 1")


def test_a_joint_that_stands_twice_in_the_base_is_refused():
    (message,) = errors(nested(base={"value": '{"knee": 1.0, "hip": 2.0, "knee": 3.0}'}))

    assert "knee" in message


def test_two_mistakes_are_told_at_once():
    assert len(errors(nested(target={"value": 3}, base={"value": "{}"}, values=["x"]))) == 2


def test_what_stands_in_a_text_is_placed_where_the_text_stands():
    with pytest.raises(InvalidSweepError) as caught:
        read(nested(base={"value": '{"arm": {"wrist": null}}'}))

    (error,) = caught.value.errors
    assert error.field.endswith("gain_base_dict.value.arm.wrist")
    assert error.place.keys == ("parameters", "gain", "gain_base_dict", "value")


def test_a_base_with_keys_that_only_hydra_refuses_is_fine_for_other_readers():
    (gain,) = read(nested(base={"value": {"^hip": 1}}), command=["python", "${args}"])

    assert gain.scaled.base == {"^hip": 1}


def test_a_base_that_no_argument_can_carry_is_refused():
    (message, *_) = errors(nested(base={"value": {f"joint_{number}": 1.0 for number in range(20_000)}}))

    assert "bytes" in message
