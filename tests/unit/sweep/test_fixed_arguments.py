"""What the command fixes must not keep a sampled value from the program, or make Hydra refuse the trial."""

from __future__ import annotations

import itertools

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.rules import Rule

NUM_ENVS = {"num_envs": {"values": [64, 128]}}
AGENT_X = {"agent.x": {"values": [1, 2]}}
OVERRIDDEN, REPLACED = Rule.PARAMETER_OVERRIDDEN, Rule.REPLACED_ARGUMENT


def findings(parameters, *command, **changes):
    sweep = {"method": "grid", "command": ["train", *command], "parameters": parameters, **changes}
    try:
        return read_definition(sweep, field="spec.sweep").warnings
    except InvalidSweepError as error:
        return error.findings


def rules(parameters, *command, **changes):
    return [finding.rule for finding in findings(parameters, *command, **changes)]


@pytest.mark.parametrize("macro", ["${args}", "${args_no_equals}", "${args_no_boolean_flags}"])
@pytest.mark.parametrize("fixed", [["--num_envs=4096"], ["--num_envs", "4096"], ["--num-envs", "4096"]])
def test_of_two_flags_the_last_one_wins(macro, fixed):
    assert rules(NUM_ENVS, macro, *fixed) == [OVERRIDDEN]
    assert rules(NUM_ENVS, *fixed, macro) == [REPLACED]


def test_the_word_of_the_command_is_named_and_the_parameter():
    (after,) = findings(NUM_ENVS, "${args}", "--num_envs=4096")
    assert str(after) == (
        "spec.sweep.command[2]: comes after ${args} and wins: no trial gets the sampled value of num_envs; "
        "remove this word, or the parameter"
    )
    (before,) = findings(NUM_ENVS, "--num_envs=4096", "${args}")
    assert str(before) == (
        "spec.sweep.command[1]: has no effect: ${args} sets num_envs later; remove this word, or the parameter"
    )


def test_a_flag_that_a_false_value_cannot_take_back_stays_in_force():
    headless = {"headless": {"values": [True, False]}}
    assert rules(headless, "--headless", "${args_no_boolean_flags}") == [OVERRIDDEN]
    assert rules(headless, "--headless=1", "${args}") == [REPLACED]
    assert rules({"headless": {"value": True}}, "--headless", "${args_no_boolean_flags}") == [REPLACED]


@pytest.mark.parametrize(
    "command",
    [
        ["--num_envs=4096", "${args_no_hyphens}"],  # an override is no flag
        ["num_envs=4096", "${args}"],
        ["--num_envs_per_gpu=4", "${args}"],
        ["--num_envs=4096", "${args_json}"],  # who knows what such a program does
        ["-num_envs=4096", "${args}"],
        ["${args}", "--", "x"],
    ],
)
def test_other_words_collide_with_nothing(command):
    assert rules(NUM_ENVS, *command) == []


SIGNS = {"": "${args_no_hyphens}", "+": "${args_append_hydra}", "++": "${args_override_hydra}"}
FIXED = {"": "agent.x=3", "+": "+agent.x=3", "++": "++agent.x=3", "~": "~agent.x"}
SAMPLED = 5


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What the program sees: the value, `gone`, or None where Hydra refuses. `there`: the setting has a default."""
    folder = tmp_path_factory.mktemp("conf")
    (folder / "there.yaml").write_text("agent: {x: 1}\n")
    (folder / "absent.yaml").write_text("agent: {}\n")

    def run(there, *overrides):
        with initialize_config_dir(str(folder), version_base=None):
            try:
                return compose("there" if there else "absent", list(overrides)).agent.get("x", "gone")
            except HydraException:
                return None

    return run


@pytest.mark.parametrize(("fixed", "sampled", "first"), [*itertools.product(FIXED, SIGNS, [True, False])])
def test_the_verdict_on_two_overrides_is_that_of_hydra(fixed, sampled, first, outcome):
    words = [FIXED[fixed], f"{sampled}agent.x={SAMPLED}"]
    macros = [FIXED[fixed], SIGNS[sampled]]
    with_both = [outcome(there, *(words if first else words[::-1])) for there in (True, False)]

    found = rules(AGENT_X, *(macros if first else macros[::-1]))

    if SAMPLED not in with_both:
        assert found == [OVERRIDDEN]
    else:
        assert found == ([] if fixed == "~" else [REPLACED])


def test_what_a_scaled_dictionary_sets_is_its_target():
    gain = {"min": 0.5, "max": 2.0, "gain_cli_path": {"value": "env.s"}, "gain_base_dict": {"value": {"hip": 1.0}}}
    assert rules({"gain": gain}, "${args_no_hyphens}", "env.s={hip:1}", method="random") == [OVERRIDDEN]
    assert rules({"gain": gain}, "${args_no_hyphens}", "gain=1", method="random") == []


@pytest.mark.parametrize(
    ("flag", "setting"),
    [("--num_envs", "env.scene.num_envs"), ("--seed=1", "agent.seed"), ("--device", "agent.device")],
)
def test_flags_of_isaac_lab_win_over_overrides(flag, setting):
    parameters = {setting: {"values": [1, 2]}}
    assert rules(parameters, flag, "${args_no_hyphens}") == [Rule.FLAG_WINS]
    assert rules(parameters, flag, "${args}") == []


def test_a_nested_group_is_told_once():
    group = {"agent": {"parameters": {"x": {"value": 1}, "policy": {"parameters": {"dim": {"value": 2}}}}}}
    (found,) = findings(group, "${args_no_hyphens}")
    assert str(found) == "spec.sweep.parameters.agent: reaches Hydra as one mapping; use dotted names, such as agent.x"
    assert rules(group, "${args}") == []


@pytest.mark.parametrize(
    "command",
    [
        ["${args}"], ["${args_json_file}"], ["${config_json_file}"], ["--wandb_sweep"], ["--wandb-sweep=1"],
        ["scripts/wandb_sweep/train.py"],
    ],
)  # fmt: skip
def test_parameters_reach_the_program_by_a_macro_or_by_wandb_itself(command):
    base = {"base_config": {"lr": 1}} if "${config_json_file}" in command else {}
    assert Rule.NO_ARGUMENT_MACRO not in rules({"lr": {"values": [1]}}, *command, **base)


def test_the_wrapper_of_agile_has_its_macro_built_in():
    wrapper = ["scripts/wandb_sweep/train_wrapper.py", "agent.x=3"]
    assert rules(AGENT_X, *wrapper) == [REPLACED]
