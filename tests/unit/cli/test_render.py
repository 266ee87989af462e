"""`wandbsweep render`: one trial, with the values that one gives."""

from __future__ import annotations

import json

import pytest

SWEEP = """\
method: random
program: train.py
command: ["${env}", "${interpreter}", "${program}", "${args_no_hyphens}", "${args_json_file}"]
parameters:
  agent.lr: {min: 0.0, max: 1.0}
  optimizer: {values: [adam, sgd]}
  seed: {value: 7}
run_cap: 9
"""
NESTED = """\
method: random
program: train.py
command: [python, train.py, "${args_json}"]
parameters: {schedule: {parameters: {start: {min: 0.0, max: 1.0}, end: {value: 0.5}}}}
run_cap: 9
"""
GIVEN = ("--set", "agent.lr=3e-4", "--set", "optimizer=adam")
SCAN = """\
method: scan
command: [python, train.py, --config, "${config_json_file}"]
base_config: {experiment: {name: bc}, train: {lr: 0.5, seed: 1, layers: [], gmm: true}}
parameters:
  train.lr: {values: [0.25, 0.125], group: 1, name: plr}
  train/layers: {values: [[8, 8], []], group: 2, name: mlp, value_names: ["8", "0"]}
  train.gmm: {values: [true, false], group: 2, name: gmm, value_names: [t, f]}
"""


@pytest.fixture
def render(said):
    def run(*words, **more):
        return said("render", "sweep.yaml", *words, sweep__yaml=SWEEP, **more)

    return run


@pytest.fixture
def choose(said):
    def run(*words, **more):
        return said("render", "scan.yaml", *words, "-o", "json", scan__yaml=SCAN, **more)

    return run


def test_it_shows_what_would_be_started(render):
    done = render(*GIVEN)

    assert (done.status, done.errors) == (0, "")
    assert done.output == (
        "agent.lr: 0.0003\n"
        'optimizer: "adam"\n'
        "$ /usr/bin/env python train.py agent.lr=0.0003 optimizer=adam seed=7 args.json\n"
        "file: args.json (52 bytes)\n"
    )


def test_the_data_is_one_trial_as_in_preview(render):
    found = json.loads(render(*GIVEN, "-o", "json").output)

    values = {"agent.lr": 0.0003, "optimizer": "adam", "seed": 7}
    assert found["values"] == values
    assert found["argv"][3:] == ["agent.lr=0.0003", "optimizer=adam", "seed=7", "args.json"]
    assert (found["name"], json.loads(found["files"]["args.json"])) == (None, values)


def test_a_file_takes_what_a_shell_cannot_write_and_flags_win(render):
    values = {"agent.lr": 0.1, "optimizer": "it's\n"}

    done = render("--values", "values.json", "--set", "agent.lr=0.2", "-o", "json", values__json=json.dumps(values))
    piped = render("--values", "-", "--set", "agent.lr=0.2", "-o", "json", stdin=json.dumps(values))

    assert json.loads(done.output)["values"] == {"agent.lr": 0.2, "optimizer": "it's\n", "seed": 7}
    assert done.output == piped.output


@pytest.mark.parametrize("values", [{"schedule": {"start": 0.25}}, {"schedule.start": 0.25}])
def test_nested_parameters_are_given_as_a_mapping_or_with_dots(said, values):
    done = said("render", "-", "--values", "values.json", "-o", "json", stdin=NESTED, values__json=json.dumps(values))

    assert done.errors == ""
    assert json.loads(done.output)["argv"][-1] == '{"schedule": {"end": 0.5, "start": 0.25}}'


def test_a_nested_parameter_is_named_with_its_dots(said):
    done = said("render", "-", "--set", "schedule.stat=1", stdin=NESTED)

    assert done.errors == (
        "error: the sweep has no parameter 'schedule.stat'; did you mean 'schedule.start'?\n"
        "error: parameter 'schedule.start' has no value; give it with --set schedule.start=... or in --values\n"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("true", True),
        ("null", None),
        ("[64, 64]", [64, 64]),
        ("None", "None"),
        ("", ""),
        ("a=b", "a=b"),
    ],
)
def test_a_value_is_json_where_it_can_be_and_text_otherwise(render, text, value):
    found = json.loads(render(*GIVEN, "--set", f"optimizer={text}", "-o", "json").output)

    assert found["values"]["optimizer"] == value


def test_what_is_missing_is_named_with_the_remedy(render):
    done = render("--set", "agent.lr=1")

    assert (done.status, done.output) == (1, "")
    assert done.errors == (
        "error: parameter 'optimizer' has no value; give it with --set optimizer=... or in --values\n"
    )


def test_what_is_not_there_is_named_with_what_is_near(render):
    done = render(*GIVEN, "--set", "agent.lrr=1")

    assert (done.status, done.output) == (1, "")
    assert done.errors == "error: the sweep has no parameter 'agent.lrr'; did you mean 'agent.lr'?\n"


def test_a_value_that_cannot_be_rendered_is_an_error(render):
    done = render(*GIVEN, "--set", "optimizer=???")

    assert (done.status, done.output) == (1, "")
    assert done.errors.startswith("error: parameter 'optimizer': the text '???' means 'missing' to OmegaConf")


@pytest.mark.parametrize("words", [("--set", "lr"), ("--set", "=1"), ("--values",)])
def test_wrong_usage_has_status_2(render, words):
    assert render(*words).status == 2


def test_file_and_values_cannot_both_be_standard_input(said):
    assert said("render", "-", "--values", "-", stdin="").status == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "values.json: must be a JSON object"),
        ("{", "values.json: is no JSON"),
        ('{"a": NaN}', "values.json: is no JSON"),
    ],
)
def test_values_that_are_no_json_object_are_refused(render, text, told):
    done = render("--values", "values.json", values__json=text)

    assert (done.status, done.output) == (1, "")
    assert done.errors.startswith(f"error: {told}")


@pytest.mark.parametrize(
    "words",
    [
        ("--name", "bc_plr_0.125_mlp_0_gmm_f"),
        ("--set", "train.lr=0.125", "--set", "train.layers=[]"),
        ("--set", "train/lr=0.125", "--set", "gmm=f"),
        ("--set", "plr=0.125", "--set", "mlp=0"),
        ("--set", "plr=0.125", "--set", "train.gmm=false"),
    ],
)
def test_a_trial_of_a_scan_is_chosen_by_name_or_by_values(choose, words):
    done = choose(*words)

    assert (done.status, done.errors) == (0, "")
    found = json.loads(done.output)
    assert found["name"] == "bc_plr_0.125_mlp_0_gmm_f"
    assert found["values"] == {"train.lr": 0.125, "train/layers": [], "train.gmm": False}
    assert found["argv"] == ["python", "train.py", "--config", "bc_plr_0.125_mlp_0_gmm_f.json"]
    (content,) = found["files"].values()
    assert json.loads(content)["train"] == {"gmm": False, "layers": [], "lr": 0.125, "seed": 1}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "4 trials are meant: bc_plr_0.25_mlp_8_gmm_t, bc_plr_0.25_mlp_0_gmm_f, "),
        (("--set", "plr=0.25"), "2 trials are meant: "),
        (("--set", "plr=7"), "no trial with the other values has plr = 7; it can be 0.25, 0.125"),
        (("--set", "train.lrr=0.25"), "the scan has no parameter 'train.lrr'; did you mean 'train.lr'?"),
        (("--name", "bc_plr_0.25_mlp_8_gmm_x"), "the scan has no trial 'bc_plr_0.25_mlp_8_gmm_x'; did you mean "),
    ],
)
def test_values_that_choose_no_single_trial_are_an_error(choose, words, told):
    done = choose(*words)

    assert (done.status, done.output) == (1, "")
    assert done.errors.startswith(f"error: {told}")


def test_a_name_is_for_scans(render):
    done = render("--name", "x")

    assert done.errors == "error: --name chooses a trial of a scan, and the method is random; use --set\n"


def test_a_scaled_dictionary_takes_its_factor(said, systems):
    done = said(
        "render", systems / "agile/sweep.yaml", "-o", "json",
        "--set", "p_gain_leg=1.5", "--set", "agent.algorithm.learning_rate=0.00034",
    )  # fmt: skip

    rate, gains = json.loads(done.output)["argv"][-2:]
    assert rate == "agent.algorithm.learning_rate=0.00034"
    assert gains == (
        "env.scene.robot.actuators.legs.stiffness={.*_hip_yaw_joint:150.0,.*_hip_roll_joint:150.0,"
        ".*_hip_pitch_joint:150.0,.*_knee_joint:300.0,waist.*:300.0}"
    )
