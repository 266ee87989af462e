"""`${checkpoint_dir}`, the macro for the folder of a run: past the stock agent, into the trainer's command."""

from __future__ import annotations

import pytest

from stock_agent import stock_agent_argv
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.launch import launch_words, read_launch, render_launch
from wandbsweep.sweep.rules import Rule

ARGS = {"lr": 0.1}
COMMAND = ["train", "--dir", "${checkpoint_dir}", "resume=${checkpoint_dir}/last.pt", "${args}"]


def started(command, checkpoint_dir):
    words = stock_agent_argv(launch_words(command), ARGS)
    launch = read_launch(words[2:])
    return list(render_launch(launch, args_json_file="", config_folder="", checkpoint_dir=checkpoint_dir).argv)


def test_the_folder_takes_its_place_as_a_word_and_inside_one():
    assert started(COMMAND, "/ckpt/s/r") == ["train", "--dir", "/ckpt/s/r", "resume=/ckpt/s/r/last.pt", "--lr=0.1"]


def test_where_no_folder_is_known_the_command_is_shown_as_it_was_written():
    assert started(COMMAND, None) == [*COMMAND[:4], "--lr=0.1"]


def test_a_value_of_that_text_is_a_value():
    words = stock_agent_argv(launch_words(["train", "${args}"]), {"x": "${checkpoint_dir}"})
    launch = read_launch(words[2:])
    assert render_launch(launch, args_json_file="", config_folder="", checkpoint_dir="/c").argv == (
        "train",
        "--x=${checkpoint_dir}",
    )


@pytest.mark.parametrize("word", ["${checkpoint_dir}", "--dir=${checkpoint_dir}"])
def test_it_is_known_and_does_not_count_as_passing_the_values(word):
    definition = {"method": "grid", "command": ["train", word], "parameters": {"lr": {"values": [1]}}}
    read = read_definition(definition, field="spec.sweep")
    rules = {problem.rule for problem in read.warnings}
    assert Rule.UNKNOWN_MACRO not in rules
    assert Rule.MACRO_IN_WORD not in rules
    assert Rule.NO_ARGUMENT_MACRO in rules
