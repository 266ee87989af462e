"""A definition is read for what it means, or refused with every mistake and its remedy in the user's words."""

from pathlib import Path

import pytest
import yaml

from wandbsweep.sweep.definition import InvalidSweepError, read_definition

RUN = {"program": "train.py"}
ROWS = {
    section: [pytest.param(row["given"], row["says"], id=row["says"]) for row in rows]
    for section, rows in yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text()).items()
}
LR = {"lr": {"values": [0.1]}}


def problems(source, field="spec.sweep"):
    with pytest.raises(InvalidSweepError) as caught:
        read_definition(source, field=field)
    assert str(caught.value) == "; ".join(map(str, caught.value.errors))
    return list(map(str, caught.value.errors))


def warnings(source, field="spec.sweep"):
    return list(map(str, read_definition(source, field=field).warnings))


NAVIGATION = """\
program: scripts/rsl_rl/train.py
method: bayes  # or 'grid', 'random'
metric:
  name: Metric/success_rate
  goal: maximize
run_cap: 200
parameters:
  agent.policy.layer_dim:
    values: [32, 64, 128, 256]
  agent.algorithm.gamma:
    min: 0.99
    max: 0.999
    distribution: log_uniform_values
command:
  - /isaac-sim/python.sh
  - ${program}
  - --num_envs=4096
  - ${args_no_hyphens}
"""


def test_a_sweep_yaml_is_read_as_wandb_reads_it():
    definition = read_definition(NAVIGATION, field="ConfigMap anymal/sweep.yaml")

    assert definition.config == yaml.safe_load(NAVIGATION)
    assert (definition.method, definition.metric_name, definition.metric_goal) == (
        "bayes", "Metric/success_rate", "maximize",
    )  # fmt: skip
    assert definition.run_cap == 200
    assert definition.program == "scripts/rsl_rl/train.py"
    assert definition.command == ("/isaac-sim/python.sh", "${program}", "--num_envs=4096", "${args_no_hyphens}")
    assert (definition.entity, definition.project, definition.warnings) == (None, None, ())
    assert [parameter.path for parameter in definition.parameters] == [
        ("agent.policy.layer_dim",), ("agent.algorithm.gamma",),
    ]  # fmt: skip


def test_what_is_left_out_gets_the_defaults_of_wandb():
    definition = read_definition({**RUN, "method": "grid", "parameters": LR, "project": "p"}, field="spec.sweep")

    assert definition.command == ("${env}", "${interpreter}", "${program}", "${args}")
    assert (definition.metric_name, definition.metric_goal) == (None, "minimize")
    assert (definition.project, definition.run_cap) == ("p", None)


def test_nested_parameters_keep_their_path():
    nested = {"policy": {"parameters": {"lr": {"values": [1]}, "net": {"parameters": {"dim": {"value": 2}}}}}}

    definition = read_definition({**RUN, "method": "grid", "parameters": nested}, field="spec.sweep")

    assert [p.path for p in definition.parameters] == [("policy", "lr"), ("policy", "net", "dim")]


def test_messages_about_a_config_map_name_the_key_in_it():
    assert problems("method: grid\nprogram: a\nparameters: {lr: 3}", "ConfigMap anymal/sweep.yaml") == [
        "ConfigMap anymal/sweep.yaml: parameters.lr: must be a mapping, not a number; write {value: 3}"
    ]


def test_all_mistakes_are_reported_at_once():
    assert problems({"method": "gird", "parameters": {}}) == [
        "spec.sweep.method: 'gird' is no search method; did you mean 'grid'?",
        "spec.sweep.parameters: is missing; name at least one parameter, for example lr: {values: [0.001, 0.0001]}",
        "spec.sweep.program: is missing, and the command uses ${program}; name the training script",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; write at least method, parameters and program"),
        ("{}", "is empty; write at least method, parameters and program"),
        ("- method: grid", "must be a mapping with keys such as method and parameters, not a list"),
        ("grid", "must be a mapping with keys such as method and parameters, not text"),
        ("method: [grid", "is not valid YAML: line 1, column 14: expected ',' or ']', but got '<stream end>'"),
        ("a: b: c", "is not valid YAML: line 1, column 5: mapping values are not allowed here"),
        ("a: !!python/name:os.system", None),
        ("a: 2024-99-99", None),
        ("a: \x07", "is not valid YAML: unacceptable character #x0007: special characters are not allowed"),
        ("{on: 1}", "YAML reads the key True as a boolean; put it in quotes"),
        ("a: [2024-01-01]", "a[0]: YAML reads this as a date; put it in quotes"),
        ("a: &a [*a]", None),
    ],
)
def test_text_that_is_no_definition(text, message):
    (found,) = problems(text, "sweep.yaml")
    if message is not None:
        assert found == f"sweep.yaml: {message}"
    assert found.startswith("sweep.yaml: ")


def test_a_short_text_cannot_become_an_endless_definition():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n"
        for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )
    (found,) = problems(bomb)
    assert found.endswith("is too large: a definition may have 200000 values, aliases written out")


@pytest.mark.parametrize(("changes", "message"), ROWS["in_the_sweep"])
def test_a_mistake_outside_the_parameters(changes, message):
    sweep = {"method": "random", "program": "train.py", "parameters": LR, **changes}
    assert f"spec.sweep.{message}" in problems(sweep)


@pytest.mark.parametrize(("body", "message"), ROWS["in_a_parameter"])
def test_a_mistake_in_a_parameter(body, message):
    assert problems({**RUN, "method": "random", "parameters": {"lr": body}}) == [f"spec.sweep.parameters.lr{message}"]


def test_names_with_dots_stand_in_brackets():
    assert problems({**RUN, "method": "random", "parameters": {"agent.lr": {"min": 2, "max": 1}}}) == [
        "spec.sweep.parameters[agent.lr]: min 2 must be less than max 1; swap them"
    ]


def test_a_name_that_wandb_refuses():
    assert problems({**RUN, "method": "random", "parameters": {"a b": {"value": 1}}}) == [
        "spec.sweep.parameters[a b]: a parameter's name may hold letters, digits and _ . - after a letter or _"
    ]


@pytest.mark.parametrize(("body", "message"), ROWS["in_a_grid"])
def test_a_grid_needs_points(body, message):
    assert problems({**RUN, "method": "grid", "parameters": {"lr": body}}) == [f"spec.sweep.parameters.{message}"]


@pytest.mark.parametrize(("body", "message"), ROWS["in_bayes"])
def test_bayes_needs_choices_without_probabilities(body, message):
    sweep = {**RUN, "method": "bayes", "metric": {"name": "reward"}, "parameters": {"lr": body}}

    assert problems(sweep) == [f"spec.sweep.parameters.{message}"]


@pytest.mark.parametrize(("body", "warning"), ROWS["unintended"])
def test_what_looks_unintended_is_a_warning(body, warning):
    sweep = {**RUN, "method": "random", "parameters": {"lr": body}}
    assert warnings(sweep) == [f"spec.sweep.parameters.lr: {warning}"]


@pytest.mark.parametrize(("low", "high"), [(-9.2, -4.6), (0, 5), (1, 7), (-5, 1), (0.7, 3)])
def test_exponents_of_log_uniform_that_are_exponents_are_fine(low, high):
    body = {"distribution": "log_uniform", "min": low, "max": high}
    assert warnings({**RUN, "method": "random", "parameters": {"lr": body}}) == []


def test_a_number_in_quotes_is_meant_as_text():
    assert warnings({**RUN, "method": "random", "parameters": {"lr": {"values": ["0.1", "1.0e-5", "-3"]}}}) == []


def test_whole_bounds_in_a_file_are_meant_as_written():
    text = "{method: random, program: a, parameters: {n: {min: 1, max: 5}}}"
    assert warnings(text, "sweep.yaml") == []


def test_text_that_looks_like_a_number_is_a_warning():
    text = "{method: random, program: a, parameters: {lr: {values: [1e-5, 0.1]}}}"
    readings = "'1e-5' is text to YAML 1.1, which W&B uses, and a number to Kubernetes"
    assert warnings(text, "sweep.yaml") == [
        f"sweep.yaml: parameters.lr.values[0]: {readings}; for a number write 1.0e-5"
    ]


def test_a_macro_that_wandb_would_drop_is_a_warning():
    sweep = {"method": "random", "command": ["train", "${arg_no_hyphens}", "${envvar:X}", "${args}"], "parameters": LR}
    assert warnings(sweep) == [
        "spec.sweep.command[1]: W&B knows no macro ${arg_no_hyphens} and drops it; did you mean 'args_no_hyphens'?"
    ]


@pytest.mark.parametrize(
    "name",
    ["reward", "train/ep_rew_mean", "Metric/success_rate", "evalReturn", "val.accuracy", "Episode_Score", "balance"],
)
def test_a_goal_is_asked_for_where_the_name_sounds_like_maximizing(name):
    sweep = {**RUN, "method": "bayes", "metric": {"name": name}, "parameters": LR}
    (warning,) = warnings(sweep)
    assert warning.startswith("spec.sweep.metric.goal: is missing, and W&B minimizes then: ")
    assert warnings({**sweep, "metric": {"name": name, "goal": "minimize"}}) == []


@pytest.mark.parametrize(
    "name", ["loss", "reward_std", "val/success_loss", "time_to_success", "returned", "unscored", "x"]
)
def test_no_goal_is_asked_for_where_minimizing_may_be_meant(name):
    assert warnings({**RUN, "method": "bayes", "metric": {"name": name}, "parameters": LR}) == []


def test_the_package_of_the_room_imports_nothing():
    text = Path(read_definition.__code__.co_filename).with_name("__init__.py").read_text()
    assert "import " not in text.split('"""')[2]
