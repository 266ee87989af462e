"""Whether a trial's values get past the words that the command fixes, and how they are nested on the way.

Of two equal flags argparse takes the last, and so does Hydra of two overrides, unless one of them appends or deletes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from wandbsweep.sweep.rendering.macros import argument_macros
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report

_NO_BOOLEANS: Final = "${args_no_boolean_flags}"
_SIGNS: Final[Mapping[str, str]] = {
    "${args}": "--",
    "${args_no_equals}": "--",
    _NO_BOOLEANS: "--",
    "${args_no_hyphens}": "",
    "${args_append_hydra}": "+",
    "${args_override_hydra}": "++",
}
"""What the macros that spell parameters one by one put in front of a name."""

_FLAG: Final = re.compile(r"--(?P<name>[A-Za-z0-9_][\w.-]*)(?:=.*)?", re.DOTALL)
_OVERRIDE: Final = re.compile(
    r"(?P<sign>\+\+|\+|)(?P<name>[A-Za-z_$][\w.$/-]*)=.*|~(?P<gone>[\w.$/-]+)(?:=.*)?", re.DOTALL
)

_BEATEN_BY_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "num_envs": ("env.scene.num_envs",),
    "max_iterations": ("agent.max_iterations",),
    "seed": ("agent.seed", "env.seed"),
    "device": ("env.sim.device", "agent.device"),
}
"""Settings that the training scripts of Isaac Lab overwrite with a flag, after Hydra."""

_READS_WANDB_CONFIG: Final = ("wandb_sweep", "wandb-sweep")
_MEANT_AS_MACRO: Final = "${arg"
"""A misspelt macro is told as such."""


class _Word(NamedTuple):
    """A word of the command that sets something: a fixed one, or a macro for all parameters."""

    at: int
    text: str
    sign: str
    """`--` of a flag; nothing, `+`, `++` or `~` of an override."""
    name: str = ""


def check_arguments(
    parameters: Sequence[Parameter], command: Sequence[str], program: str | None, place: Place, report: Report
) -> None:
    """What keeps parameters from the program, or changes them on the way. `place` is that of the definition."""
    _check_macros(command, program, place / "command", report)
    macros = [_Word(at, text, _SIGNS[text]) for at, text in enumerate(command) if text in _SIGNS]
    by_argument = {parameter.argument: parameter for parameter in parameters}
    for word in _fixed_words(command):
        collisions = (_collision(word, macro, by_argument) for macro in macros)
        if collision := next(filter(None, collisions), None):
            report.add(collision[0], place / "command" / word.at, *collision[1:])
    if any(macro.sign != "--" for macro in macros):
        _warn_of_flags_that_win(_fixed_words(command), by_argument, place / "command", report)
        _warn_of_nesting(parameters, place / "parameters", report)


def _check_macros(command: Sequence[str], program: str | None, place: Place, report: Report) -> None:
    words = (*command, str(program or ""))
    signs = (*_READS_WANDB_CONFIG, _MEANT_AS_MACRO)
    if argument_macros(command) or any(sign in word for word in words for sign in signs):
        return
    message = "has no macro for the parameters, so they reach only a program that reads wandb.config"
    report.add(Rule.NO_ARGUMENT_MACRO, place, message, "add ${args}, or for Hydra ${args_no_hyphens}")


def _fixed_words(command: Sequence[str]) -> Iterator[_Word]:
    for at, text in enumerate(command):
        if flag := _FLAG.fullmatch(text):
            yield _Word(at, text, "--", flag["name"])
        elif override := _OVERRIDE.fullmatch(text):
            gone = override["gone"]
            yield _Word(at, text, "~" if gone else override["sign"], gone or override["name"])


def _collision(word: _Word, macro: _Word, by_argument: Mapping[str, Parameter]) -> tuple[Rule, str, str] | None:
    """The rule that is broken by a fixed word and a macro that set the same thing, with what to say."""
    if (word.sign == "--") != (macro.sign == "--"):
        return None
    parameter = by_argument.get(word.name) or (_same_flag(word.name, by_argument) if word.sign == "--" else None)
    if parameter is None:
        return None
    name, remedy = parameter.argument, "remove this word, or the parameter"
    if refusal := _refusal(word, macro, name):
        return Rule.PARAMETER_OVERRIDDEN, f"{refusal}, and Hydra refuses both together", remedy
    if word.at > macro.at:
        message = f"comes after {macro.text} and wins: no trial gets the sampled value of {name}"
        return Rule.PARAMETER_OVERRIDDEN, message, remedy
    if macro.text == _NO_BOOLEANS and any(value is False for value in parameter.values or ()):
        message = f"stays in force where the value of {name} is false, which {macro.text} leaves out"
        return Rule.PARAMETER_OVERRIDDEN, message, "remove this word, or use ${args}"
    if word.sign == "~":
        return None
    return Rule.REPLACED_ARGUMENT, f"has no effect: {macro.text} sets {name} later", remedy


def _refusal(word: _Word, macro: _Word, name: str) -> str | None:
    """What Hydra would not take: to append what is there, to set what was deleted."""
    if word.at > macro.at:
        return f"appends {name}, which {macro.text} sets" if word.sign == "+" else None
    if macro.sign == "+":
        return f"sets {name}, which {macro.text} appends" if word.sign != "~" else None
    return f"deletes {name}, which {macro.text} sets" if (word.sign, macro.sign) == ("~", "") else None


def _same_flag(name: str, by_argument: Mapping[str, Parameter]) -> Parameter | None:
    """--num-envs is --num_envs to those programs that know both."""
    wanted = name.replace("-", "_")
    return next((parameter for known, parameter in by_argument.items() if known.replace("-", "_") == wanted), None)


def _warn_of_flags_that_win(
    words: Iterable[_Word], by_argument: Mapping[str, Parameter], place: Place, report: Report
) -> None:
    for word in words:
        for beaten in _BEATEN_BY_FLAGS.get(word.name, ()) if word.sign == "--" else ():
            if beaten in by_argument:
                message = f"wins over parameter {beaten} in the training scripts of Isaac Lab"
                report.add(Rule.FLAG_WINS, place / word.at, message, "remove this flag, or the parameter")


def _warn_of_nesting(parameters: Iterable[Parameter], place: Place, report: Report) -> None:
    nested = {parameter.path[0]: parameter.path for parameter in reversed([*parameters]) if len(parameter.path) > 1}
    for group, path in reversed(nested.items()):
        remedy = f"use dotted names, such as {'.'.join(path)}"
        report.add(Rule.NESTED_FOR_HYDRA, place / group, "reaches Hydra as one mapping", remedy)
