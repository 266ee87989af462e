"""An evaluation and the note of a trial on their way through W&B: what was written is what the launcher reads."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stock_agent import stock_agent_argv
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.cell import Cell, sent_cell
from wandbsweep.sweep.rendering.evaluation import EvaluationStage
from wandbsweep.sweep.rendering.launch import (
    ARGS_MACRO,
    PROGRAM,
    SCAN,
    TRIAL_NOTE,
    LaunchError,
    launch_words,
    method_on_wandb,
    read_launch,
    render_launch,
)
from wandbsweep.sweep.trials.trials import trial_of
from wandbsweep.sweep.wandb_config import definition_digest, wrapped_command

SWEEP = {
    "method": "grid",
    "program": "tools/train.py",
    "command": ["${env}", "python", "${program}", "${args}"],
    "parameters": {"lr": {"values": [0.5]}},
}

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["${args}", "${env}", "${program}", "$${args}", "${envvar:X}", "--", "--scan={}", "${checkpoint_dir}", "a=$b"]
)
stages = st.builds(
    EvaluationStage, st.lists(words, min_size=1, max_size=5).map(tuple), st.none() | st.integers(1, 10**9)
)


def render(launch, **more):
    return render_launch(launch, args_json_file="/home/args.json", config_folder="/home/configs", **more)


@given(stages, st.lists(words, min_size=1, max_size=5), st.dictionaries(words, st.integers()) | st.none())
def test_any_evaluation_arrives_as_it_was_written(stage, command, base):
    """Whatever W&B's agent makes of the words around it."""
    sent = launch_words(command, evaluation=stage, base_config=base, method="protein")
    option = next(word for word in sent if word.startswith("--evaluation="))
    assert "$" not in option
    at = sent.index(ARGS_MACRO)
    launch = read_launch([*sent[len(PROGRAM) : at], "{}", *sent[at + 1 :]])
    assert launch.evaluation == stage
    assert launch.base_config == base


@given(stages, st.sampled_from(["scan", "protein", "stages"]))
def test_the_method_is_read_again_from_the_command(stage, method):
    sent = launch_words(["t"], evaluation=stage, method=method)
    assert method_on_wandb({"method": "custom", "command": sent}) == method


def test_a_method_that_is_no_text_is_that_of_wandb():
    command = [*PROGRAM, "--method={", ARGS_MACRO, "--", "t"]
    assert method_on_wandb({"method": "custom", "command": command}) == "custom"


def test_wandbs_agent_leaves_the_evaluation_to_the_launcher():
    stage = EvaluationStage(("${env}", "${interpreter}", "${program}", "${args_no_hyphens}", "--gpu=${envvar:GPU}"), 60)
    sent = wrapped_command(read_definition(SWEEP, field="spec.sweep"), stage)
    argv = stock_agent_argv(sent, {"lr": 0.5}, program="tools/train.py")
    trial = render(read_launch(argv[len(PROGRAM) :]), environ={"GPU": "7"})
    assert trial.argv == ("/usr/bin/env", "python", "tools/train.py", "--lr=0.5")
    assert trial.evaluation == EvaluationStage(
        ("/usr/bin/env", "python", "tools/train.py", "lr=0.5", "--gpu=7"), timeout_seconds=60
    )


def test_what_is_previewed_is_what_is_started():
    definition = read_definition(SWEEP, field="spec.sweep")
    trial = trial_of(definition, {"lr": 0.5}, EvaluationStage(("evaluate.py", "${args}", "--gpu=${envvar:GPU}")))
    assert trial.evaluation.command == ("evaluate.py", "--lr=0.5", "--gpu=${envvar:GPU}")
    assert trial_of(definition, {"lr": 0.5}).evaluation is None


def test_the_files_of_both_stages_are_written():
    sent = launch_words(["t"], evaluation=EvaluationStage(("e", "${args_json_file}")))
    trial = render(read_launch(sent[len(PROGRAM) :], {"a": 1.0}))
    assert trial.evaluation.command == ("e", "/home/args.json")
    assert json.loads(trial.files["/home/args.json"]) == {"a": 1.0}


def test_an_evaluation_is_part_of_the_definition_and_none_leaves_it_as_it_was():
    definition = read_definition(SWEEP, field="spec.sweep")
    digests = [
        definition_digest(definition, entity=None, project="p", evaluation=each)
        for each in (None, EvaluationStage(("e",)), EvaluationStage(("e",), 60), EvaluationStage(("f",)))
    ]
    assert len(set(digests)) == 4
    assert digests[0] == definition_digest(definition, entity=None, project="p")


@pytest.mark.parametrize(
    "told", ["[]", "{}", '{"command": []}', '{"command": [1]}', '{"command": ["e"], "timeoutSeconds": 0}', "e"]
)
def test_an_evaluation_that_cannot_be_read_is_told_in_a_sentence(told):
    with pytest.raises(LaunchError, match=r"--evaluation"):
        read_launch([f"--evaluation={told}", "{}", "--", "t"])


def note(**more):
    return {TRIAL_NOTE: {"name": "s.r.4", "number": 4, "score": None, **more}}


def test_a_note_names_the_trial_and_reaches_no_program():
    sent = launch_words(["t", "${args}", "${args_json}"])
    trial = render(read_launch(sent[len(PROGRAM) :], {"lr": 0.5, **note()}))
    assert trial.name == "s.r.4"
    assert trial.values == {"lr": 0.5}
    assert trial.argv == ("t", "--lr=0.5", '{"lr": 0.5}')


def test_a_parameter_of_the_same_name_is_a_parameter():
    trial = render(read_launch(launch_words(["t", "${args}"])[len(PROGRAM) :], {TRIAL_NOTE: 3}))
    assert (trial.name, trial.argv) == (None, ("t", f"--{TRIAL_NOTE}=3"))


def test_a_name_that_no_file_can_have_names_the_run_all_the_same():
    base = {"experiment": {"name": "x"}}
    sent = launch_words(["t", "${config_json_file}"], base_config=base)
    trial = render(read_launch(sent[len(PROGRAM) :], note(name="team/s.r.4")))
    assert trial.name == "team/s.r.4"
    assert list(trial.files) == ["/home/configs/team_s.r.4.json"]
    assert json.loads(trial.files["/home/configs/team_s.r.4.json"])["experiment"]["name"] == "team/s.r.4"


def test_the_short_names_beside_the_cell_of_a_scan_are_only_shown():
    sent = launch_words(["t", "${args_no_hyphens}"], short_names={"train.L2": "l2"})
    handed_out = {SCAN: sent_cell(Cell("bc_l2_1.0", {"train.L2": 1.0}, {})), "l2": "shown"}
    trial = render(read_launch(sent[len(PROGRAM) :], handed_out))
    assert (trial.name, trial.argv) == ("bc_l2_1.0", ("t", "train.L2=1.0"))
