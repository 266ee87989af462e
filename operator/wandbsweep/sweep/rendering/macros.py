r"""How the values of a trial become the arguments of the program: a command with macros in, an argv list out.

W&B's agent writes values with Python's `str`: None, True and {'a': 1}, which Hydra reads as texts or not at all. So the
sweep's command hides its argument macros from that agent (`escape_macros`), and the trial launcher fills them in
itself (`render_command`), each value spelt for the program that reads it. What was sampled is what trains: a value
either arrives as it was recorded, bit for bit, or is an error with a reason.

Standard library only: this file travels into training containers.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.rendering.scaling import Argument, arguments
from wandbsweep.sweep.rendering.spelling import RenderError, hydra_override, spell_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "ARGUMENT_MACROS",
    "CHECKPOINT_DIR",
    "CHECKPOINT_DIR_MACRO",
    "CONFIG_JSON_FILE",
    "LONGEST_ARGUMENT",
    "RenderError",
    "args_json",
    "argument_macros",
    "escape_macros",
    "fill_in_checkpoint_dir",
    "render_command",
    "uses_args_json_file",
    "uses_config_json_file",
]

LONGEST_ARGUMENT: Final = 128 * 1024 - 1
"""Bytes of one argument that Linux takes, without the closing NUL (MAX_ARG_STRLEN)."""


def escape_macros(command: Sequence[str]) -> list[str]:
    """The command with its argument macros hidden from W&B's agent, for `render_command` to fill in.

    A macro gets one more dollar sign in front. So does a word that looks hidden already, which W&B would have passed
    on as it is. All other macros (env, interpreter, program, envvar) are left to W&B's agent.
    """
    return ["$" + word if _macro_of(word) else word for word in command]


def render_command(
    command: Sequence[str],
    args: Mapping[str, Any],
    *,
    args_json_file: str | os.PathLike[str],
    config_json_file: str | os.PathLike[str] = "",
    checkpoint_dir: str | None = None,
) -> list[str]:
    """The argv of a trial: the command with its hidden macros replaced by the trial's values.

    The paths are what `${args_json_file}`, `${config_json_file}` and `${checkpoint_dir}` stand for;
    `uses_args_json_file` and `uses_config_json_file` tell whether the caller has to write these files first. Where no
    checkpoint folder is known its macro stays as it is.
    """
    argv: list[str] = []
    for word in command:
        macro = _macro_of(word)
        if macro is None or not word.startswith("$$"):
            filled = fill_in_checkpoint_dir(word, checkpoint_dir)
            argv.append(_carried(filled, f"the word {word[:40]!r} of the command"))
        elif word.startswith("$$$"):
            argv.append(word[1:])
        elif macro == CHECKPOINT_DIR:
            argv.append(_carried(fill_in_checkpoint_dir(word[1:], checkpoint_dir), CHECKPOINT_DIR_MACRO))
        elif macro == "args_json":
            argv.append(_carried(args_json(args), "${args_json}"))
        elif macro == "args_json_file":
            argv.append(_carried(os.fspath(args_json_file), "${args_json_file}"))
        elif macro == CONFIG_JSON_FILE:
            argv.append(_carried(os.fspath(config_json_file), "${config_json_file}"))
        else:
            argv.extend(part for argument in arguments(args) for part in _spelt(macro, argument))
    return argv


def _spelt(macro: str, argument: Argument) -> list[str]:
    parameter = f"parameter {argument.parameter!r}"
    try:
        parts = _FORMS[macro](argument.name, argument.value)
    except RenderError as error:
        raise RenderError(f"{parameter}: {error}") from None
    return [_carried(part, parameter) for part in parts]


def args_json(args: Mapping[str, Any]) -> str:
    """What `${args_json}` stands for: all values as one JSON object, numbers in full."""
    return json.dumps(args)


def fill_in_checkpoint_dir(word: str, checkpoint_dir: str | None) -> str:
    """The word with the folder in place of its macro, which may be a part of it; without a folder as it is."""
    return word if checkpoint_dir is None else word.replace(CHECKPOINT_DIR_MACRO, checkpoint_dir)


def uses_args_json_file(command: Sequence[str]) -> bool:
    """Whether the hidden command asks for a file with the values."""
    return "$${args_json_file}" in command


def uses_config_json_file(command: Sequence[str]) -> bool:
    """Whether the hidden command asks for the base configuration with the values in it."""
    return f"$${{{CONFIG_JSON_FILE}}}" in command


def _without_boolean(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}"] if value else []
    return [f"--{name}={spell_value(value)}"]


_FORMS: Final[Mapping[str, Callable[[str, Any], list[str]]]] = {
    "args": lambda name, value: [f"--{name}={spell_value(value)}"],
    "args_no_equals": lambda name, value: [f"--{name}", spell_value(value)],
    "args_no_boolean_flags": _without_boolean,
    "args_no_hyphens": lambda name, value: [hydra_override(name, value)],
    "args_append_hydra": lambda name, value: [hydra_override(name, value, "+")],
    "args_override_hydra": lambda name, value: [hydra_override(name, value, "++")],
}

CONFIG_JSON_FILE: Final = "config_json_file"
"""The macro that W&B does not have: the path of `base_config` with the trial's values in it."""

ARGUMENT_MACROS: Final = (*_FORMS, "args_json", "args_json_file", CONFIG_JSON_FILE)
"""The macros that stand for a trial's values; the rest of W&B's macros stand for the program and its surroundings."""

CHECKPOINT_DIR: Final = "checkpoint_dir"
"""Another one of ours: the run's folder for checkpoints. It tells nothing of the trial's values, and may be a part of
a word."""

CHECKPOINT_DIR_MACRO: Final = f"${{{CHECKPOINT_DIR}}}"

_MACRO = re.compile(r"\$+\{(\w+)\}")


def argument_macros(command: Sequence[str]) -> list[str]:
    """The words of a user's command that stand for the values of a trial."""
    return [word for word in command if _macro_of(word) in ARGUMENT_MACROS and not word.startswith("$$")]


def _macro_of(word: str) -> str | None:
    match = _MACRO.fullmatch(word)
    return match[1] if match and match[1] in (*ARGUMENT_MACROS, CHECKPOINT_DIR) else None


def _carried(word: str, what: str) -> str:
    if "\0" in word:
        raise RenderError(f"{what} contains a NUL character, which no argument can carry")
    try:
        size = len(word.encode())
    except UnicodeEncodeError:
        raise RenderError(f"{what} contains half of a surrogate pair, which is no character") from None
    if size > LONGEST_ARGUMENT:
        raise RenderError(
            f"{what} takes {size} bytes, one argument at most {LONGEST_ARGUMENT}: use ${{args_json_file}}"
        )
    return word
