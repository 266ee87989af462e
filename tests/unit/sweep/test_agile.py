"""AGILE's wrapper is read as the trainer that it starts, and its `type: float` as what it asks for."""

import pytest

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.wandb_config import wandb_config

LR = {"lr": {"min": 0.1, "max": 0.2}}
HYDRA = "${args_no_hyphens}"
WRAPPER = "scripts/wandb_sweep/train_wrapper.py"


def define(parameters=LR, **settings):
    return read_definition({"method": "random", "parameters": parameters, **settings}, field="sweep")


@pytest.mark.parametrize(
    ("wrapper", "trainer"),
    [
        (WRAPPER, "scripts/train.py"),
        ("/workspace/agile/scripts/wandb_sweep/train_wrapper.py", "/workspace/agile/scripts/train.py"),
        ("wandb_sweep/train_wrapper.py", "train.py"),
        ("./wandb_sweep/train_wrapper.py", "train.py"),
        ("../x/../wandb_sweep/train_wrapper.py", "../train.py"),
        ("${envvar:AGILE}/scripts/wandb_sweep/train_wrapper.py", "${envvar:AGILE}/scripts/train.py"),
    ],
)
def test_the_wrapper_is_the_trainer_of_the_folder_above(wrapper, trainer):
    command = ["python", wrapper, "--task", "Isaac-Velocity-G1-Lower-Agile-v0", "--logger", "wandb", "--headless"]

    assert define(command=command).command == ("python", trainer, *command[2:], HYDRA)


@pytest.mark.parametrize(
    "word",
    ["train_wrapper.py", "scripts/train_wrapper.py", "my_wandb_sweep/train_wrapper.py", f"--file={WRAPPER}",
     "-wandb_sweep/train_wrapper.py", f"{WRAPPER}c"],
)  # fmt: skip
def test_other_programs_are_left_alone(word):
    assert define(command=["python", word, "--wandb_sweep"]).command == ("python", word, "--wandb_sweep")


@pytest.mark.parametrize("logger", [["--logger", "wandb"], ["--logger=wandb"]])
def test_both_ways_to_name_the_logger_are_the_same(logger):
    assert define(command=["python", WRAPPER, *logger]).command == ("python", "scripts/train.py", *logger, HYDRA)


@pytest.mark.parametrize("macro", ["${args}", "${args_json}", "${args_override_hydra}"])
def test_a_macro_of_the_users_own_stays_the_only_one(macro):
    assert define(command=["python", WRAPPER, macro]).command == ("python", "scripts/train.py", macro)


def test_the_wrapper_can_be_the_program_too():
    definition = define(program=WRAPPER, command=["${env}", "python", "${program}", "--headless"])

    assert definition.program == "scripts/train.py"
    assert definition.command == ("${env}", "python", "${program}", "--headless", HYDRA)


def test_without_a_command_the_trainer_gets_what_the_wrapper_would_give_it():
    definition = define(program=WRAPPER)

    assert definition.program == "scripts/train.py"
    assert definition.command == ("${env}", "${interpreter}", "${program}", HYDRA)


def test_wandb_is_told_the_trainer_that_runs():
    config = wandb_config(
        define(program=WRAPPER),
        display_name="agile",
        uid="u",
        token="1-t",
        max_runs=None,
        runs_per_agent=None,
        agent_count=1,
    )

    assert config["program"] == "scripts/train.py"
    assert config["command"][-4:] == ["${env}", "${interpreter}", "${program}", f"${HYDRA}"]


def settings_of(body):
    (parameter,) = define({"lr": body}, command=["python", HYDRA]).parameters
    return parameter.distribution, parameter.settings


@pytest.mark.parametrize(
    ("body", "distribution", "settings"),
    [
        ({"values": [1, 2.5]}, "categorical", {"values": [1.0, 2.5]}),
        ({"value": 3}, "constant", {"value": 3.0}),
        ({"min": 1, "max": 5}, "uniform", {"min": 1.0, "max": 5.0}),
        ({"distribution": "uniform", "min": 0, "max": 1}, "uniform", {"min": 0.0, "max": 1.0}),
        (
            {"values": [1, 2], "probabilities": [0.5, 0.5]},
            "categorical_w_probabilities",
            {"values": [1.0, 2.0], "probabilities": [0.5, 0.5]},
        ),
        ({"distribution": "normal", "mu": 1, "sigma": 2}, "normal", {"mu": 1, "sigma": 2}),
    ],
)
def test_type_float_makes_floats_and_is_not_sent(body, distribution, settings):
    found, given = settings_of({**body, "type": "float"})

    assert (found, repr(given)) == (distribution, repr(settings))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"values": [1, "lstm"], "type": "float"}, ".values[1]: must be a number, not text; remove type: float"),
        ({"value": True, "type": "float"}, ".value: must be a number, not a boolean; remove type: float"),
        ({"values": [[1, 2]], "type": "float"}, ".values[0]: must be a number, not a list; remove type: float"),
        (
            {"min": "1e-5", "max": 1, "type": "float"},
            ".min: '1e-5' is text to YAML 1.1, which W&B uses, and a number to Kubernetes; write 1.0e-5 without quotes",
        ),
        ({"values": 3, "type": "float"}, ".values: must be a list, not a number; write [3]"),
        (
            {"distribution": "int_uniform", "min": 1, "max": 2, "type": "float"},
            ".type: int_uniform draws whole numbers, and type: float asks for others; use uniform, or remove type",
        ),
        (
            {"distribution": "categorical", "values": [1, 2], "type": "int"},
            ".type: distribution categorical has no such setting; it takes values",
        ),
    ],
)
def test_a_type_that_cannot_be_had_is_refused(body, message):
    with pytest.raises(InvalidSweepError) as caught:
        settings_of(body)

    assert f"sweep.parameters.lr{message}" in list(map(str, caught.value.errors))


def test_a_parameter_called_type_is_an_ordinary_one():
    (lr, kind) = define({"lr": {"value": 1}, "lr_type": {"value": "float"}}, command=["python", HYDRA]).parameters

    assert (lr.settings, kind.settings) == ({"value": 1}, {"value": "float"})


def test_the_entity_of_the_file_is_honoured():
    assert define(entity="robots", command=["python", WRAPPER]).entity == "robots"
