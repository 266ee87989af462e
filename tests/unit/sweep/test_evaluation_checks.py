"""An evaluation that cannot be run after every training is told before anything starts, with the field it is in."""

from __future__ import annotations

import pytest

from wandbsweep.sweep.checks.evaluation import check_evaluation
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.evaluation import EvaluationStage
from wandbsweep.sweep.rules import Severity

SWEEP = {"method": "grid", "command": ["python", "train.py", "${args}"], "parameters": {"lr": {"values": [1, 2]}}}


def told(*command, **changes):
    definition = read_definition({**SWEEP, **changes}, field="spec.sweep")
    return [f"{finding.severity}: {finding}" for finding in check_evaluation(EvaluationStage(command), definition)]


def test_an_evaluation_with_the_macros_of_a_command_is_sound():
    assert (
        told("${env}", "${interpreter}", "evaluate.py", "--task=${envvar:TASK}", "${args}", "${args_json_file}") == []
    )
    assert told("python", "evaluate.py") == []
    assert told("evaluate", "--from=${checkpoint_dir}/last") == []


def test_no_evaluation_is_nothing_to_check():
    assert check_evaluation(None, read_definition(SWEEP, field="spec.sweep")) == ()


def test_it_may_set_what_the_training_sampled():
    assert told("evaluate.py", "${args}", "--lr=0") == []


FIELD = "spec.evaluation.command"
NO_BASE = (
    f"error: {FIELD}: uses ${{config_json_file}}, and the definition has no base_config; "
    "pass the values on, for example with ${args}"
)
TOO_LONG = (
    f"error: {FIELD}: takes 200043 bytes as an argument of the trial launcher, which carries at most 131071; "
    "put long words into a file of the image"
)


@pytest.mark.parametrize(
    ("command", "finding"),
    [
        (
            ("evaluate.py", "${arg}"),
            f"warning: {FIELD}[1]: W&B knows no macro ${{arg}} and drops it; did you mean 'args'?",
        ),
        (
            ("${interpreter}", "${program}"),
            f"error: {FIELD}: uses ${{program}}, and the definition names no program; write the file's name",
        ),
        (
            ("evaluate.py", "${config_json_file}"),
            NO_BASE,
        ),
        (
            ("evaluate.py", "x" * 200_000),
            TOO_LONG,
        ),
    ],
)
def test_a_mistake_names_the_field_and_the_remedy(command, finding):
    assert told(*command) == [finding]


def test_a_value_that_only_the_evaluation_cannot_be_given_is_told():
    (finding,) = told("evaluate.py", "${args_no_hyphens}", parameters={"a": {"values": [{"b^c": 1}]}})
    assert finding.startswith("error: spec.evaluation.command: parameter 'a': Hydra has no notation for the key 'b^c'")


def test_a_macro_inside_a_word_is_a_warning():
    definition = read_definition(SWEEP, field="spec.sweep")
    (finding,) = check_evaluation(EvaluationStage(("evaluate.py", "--given=${args}")), definition)
    assert (finding.severity, finding.field) == (Severity.WARNING, "spec.evaluation.command[1]")
