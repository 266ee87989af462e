"""Whether the evaluation of an object can be run after every training of its definition, before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.sweep.checks.rehearsal import first_failure
from wandbsweep.sweep.problems import Place, Report
from wandbsweep.sweep.reading.command import check_word
from wandbsweep.sweep.rendering.launch import launch_words
from wandbsweep.sweep.rendering.macros import CONFIG_JSON_FILE, LONGEST_ARGUMENT
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.sweep.problems import Finding
    from wandbsweep.sweep.rendering.evaluation import EvaluationStage

_COMMAND: Final = Place("spec.evaluation.command", keys=("spec", "evaluation", "command"))
_CONFIG_FILE: Final = f"${{{CONFIG_JSON_FILE}}}"


def check_evaluation(evaluation: EvaluationStage | None, definition: SweepDefinition) -> tuple[Finding, ...]:
    """What is wrong with it. A word that it fixes beside a macro may well be meant: it need not run as it trained."""
    if evaluation is None:
        return ()
    report = Report()
    for index, word in enumerate(evaluation.command):
        check_word(word, _COMMAND / index, report)
    if "${program}" in evaluation.command and definition.program is None:
        message = "uses ${program}, and the definition names no program"
        report.add(Rule.MISSING_KEY, _COMMAND, message, "write the file's name")
    if _CONFIG_FILE in evaluation.command and definition.base_config is None:
        message = f"uses {_CONFIG_FILE}, and the definition has no base_config"
        report.add(Rule.MISSING_KEY, _COMMAND, message, "pass the values on, for example with ${args}")
    for parameter in definition.parameters:
        if failure := first_failure(parameter, evaluation.command):
            report.add(Rule.UNRENDERABLE, _COMMAND, failure[1])
    size = max(len(word.encode()) for word in launch_words((), evaluation=evaluation))
    if size > LONGEST_ARGUMENT:
        message = f"takes {size} bytes as an argument of the trial launcher, which carries at most {LONGEST_ARGUMENT}"
        report.add(Rule.UNRENDERABLE, _COMMAND, message, "put long words into a file of the image")
    return tuple(report.findings)
