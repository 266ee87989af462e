"""What is peculiar to AGILE's sweep.yaml: the wrapper around its trainer, and `type: float` beside a distribution.

The wrapper reads the values of a run from W&B and appends them to the trainer's command line, as `name=value`. Here the
trial launcher does that, so the wrapper is read as what it stands for. It would also tell the trainer the name of the
run's project when it logs to W&B; a run of a sweep is in the sweep's project whatever the trainer says.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.reading.distributions import INT_UNIFORM
from wandbsweep.sweep.rendering.macros import argument_macros
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.numbers import checked_number, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.problems import Place, Report

_WRAPPER: Final = re.compile(r"(?P<folder>(?!-).*/|)wandb_sweep/train_wrapper\.py")
_TRAINER: Final = "train.py"


def without_wrapper(
    program: str | None, command: tuple[str, ...], *, written: bool
) -> tuple[str | None, tuple[str, ...]]:
    """Program and command with the trainer where AGILE's wrapper stands, and behind it the values of the run.

    Args:
        program: the file that `${program}` stands for.
        command: its words.
        written: whether the user wrote them; W&B's own default has a macro for arguments, but not the wrapper's.
    """
    trainer = _trainer_behind(program) if isinstance(program, str) and "${program}" in command else None
    words = tuple(_trainer_behind(word) or word for word in command)
    if trainer is None and words == command:
        return program, command
    if not written:
        words = tuple("${args_no_hyphens}" if word == "${args}" else word for word in words)
    elif not argument_macros(words):
        words = (*words, "${args_no_hyphens}")
    return trainer or program, words


def _trainer_behind(word: str) -> str | None:
    match = _WRAPPER.fullmatch(word)
    return posixpath.normpath(match["folder"] + _TRAINER) if match else None


def with_floats(body: Mapping[str, Any], place: Place, report: Report) -> Mapping[str, Any]:
    """The settings of a parameter; where they say `type: float`, without it and with floats for whole numbers."""
    if body.get("type") != "float":
        return body
    if body.get("distribution") == INT_UNIFORM:
        message = f"{INT_UNIFORM} draws whole numbers, and type: float asks for others"
        report.add(Rule.INVALID_VALUE, place / "type", message, "use uniform, or remove type")
    settings = {key: value for key, value in body.items() if key != "type"}
    for key in ("min", "max"):
        if is_number(settings.get(key)):
            settings[key] = float(settings[key])
    if "value" in settings:
        settings["value"] = _as_float(settings["value"], place / "value", report)
    if isinstance(values := settings.get("values"), list):
        settings["values"] = [_as_float(each, place / "values" / at, report) for at, each in enumerate(values)]
    return settings


def _as_float(value: Any, place: Place, report: Report) -> Any:
    number = checked_number(value, place, report, remedy="remove type: float")
    return value if number is None else float(number)
