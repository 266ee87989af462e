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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LONGEST_ARGUMENT: Final = 128 * 1024 - 1
"""Bytes of one argument that Linux takes, without the closing NUL (MAX_ARG_STRLEN)."""


class RenderError(ValueError):
    """A value that no argument can carry to its reader unchanged; the message names the parameter and the remedy."""


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
) -> list[str]:
    """The argv of a trial: the command with its hidden macros replaced by the trial's values.

    The two paths are what `${args_json_file}` and `${config_json_file}` stand for; `uses_args_json_file` and
    `uses_config_json_file` tell whether the caller has to write these files first.
    """
    argv: list[str] = []
    for word in command:
        macro = _macro_of(word)
        if macro is None or not word.startswith("$$"):
            argv.append(_carried(word, f"the word {word[:40]!r} of the command"))
        elif word.startswith("$$$"):
            argv.append(word[1:])
        elif macro == "args_json":
            argv.append(_carried(args_json(args), "${args_json}"))
        elif macro == "args_json_file":
            argv.append(_carried(os.fspath(args_json_file), "${args_json_file}"))
        elif macro == CONFIG_JSON_FILE:
            argv.append(_carried(os.fspath(config_json_file), "${config_json_file}"))
        else:
            for name, value in args.items():
                argv.extend(_carried(part, f"parameter {name!r}") for part in _FORMS[macro](name, value))
    return argv


def args_json(args: Mapping[str, Any]) -> str:
    """What `${args_json}` stands for: all values as one JSON object, numbers in full."""
    return json.dumps(args)


def uses_args_json_file(command: Sequence[str]) -> bool:
    """Whether the hidden command asks for a file with the values."""
    return "$${args_json_file}" in command


def uses_config_json_file(command: Sequence[str]) -> bool:
    """Whether the hidden command asks for the base configuration with the values in it."""
    return f"$${{{CONFIG_JSON_FILE}}}" in command


def spell_value(value: Any) -> str:
    """A value for a reader like argparse, as W&B's agent spells it: Python's own notation, floats in full."""
    return str(value)


def spell_hydra(value: Any) -> str:
    """A value in Hydra's override grammar, so that Hydra and OmegaConf read back the same value of the same type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return _spell_hydra_text(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(spell_hydra(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_spell_hydra_key(key)}:{spell_hydra(item)}" for key, item in value.items()) + "}"
    raise RenderError(
        f"Hydra has no notation for a {type(value).__name__}: use numbers, texts, booleans, null or lists"
    )


_PLAIN_TEXT = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_RESERVED_WORDS = frozenset({"true", "false", "null", "nan", "inf"})
_INTERPOLATION = re.compile(r"(\\*)\$\{")


def _spell_hydra_text(text: str) -> str:
    if _PLAIN_TEXT.fullmatch(text) and text.lower() not in _RESERVED_WORDS:
        return text
    if text == "???":
        raise RenderError("the text '???' means 'missing' to OmegaConf and cannot be passed: use another")
    # OmegaConf would resolve ${...}; one backslash makes it plain text, those already in front are doubled.
    literal = _INTERPOLATION.sub(lambda match: match[1] * 2 + "\\${", text)
    # Hydra takes everything between quotes as it is, except a quote, and backslashes in front of one.
    parts = literal.split("'")
    return "'" + "\\'".join(_double_trailing_backslashes(part) for part in parts) + "'"


def _double_trailing_backslashes(text: str) -> str:
    return text + "\\" * (len(text) - len(text.rstrip("\\")))


_PLAIN_KEY = re.compile(r"[A-Za-z0-9_/\-\\+.$%*@?|()\[\]{}:=, \t]+")
_NUMBER_KEY = re.compile(
    r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?|[+-](?:inf|nan)", re.IGNORECASE
)
_ESCAPED_IN_KEY = re.compile(r"[()\[\]{}:=, \t\\]")


def _spell_hydra_key(key: Any) -> str:
    if not isinstance(key, str) or not _PLAIN_KEY.fullmatch(key):
        raise RenderError(
            f"Hydra has no notation for the key {key!r}: use letters, digits and / - \\ + . $ % * @ ? | _"
        )
    if key.lower() in _RESERVED_WORDS or _NUMBER_KEY.fullmatch(key):
        raise RenderError(f"Hydra would read the key {key!r} as something other than text: use another key")
    return _ESCAPED_IN_KEY.sub(lambda match: "\\" + match[0], key)


_SEGMENT = r"(?:[A-Za-z_$][A-Za-z0-9_$-]*)"
_HYDRA_PATH = re.compile(rf"{_SEGMENT}(?:\.(?:{_SEGMENT}|0|[1-9][0-9]*))*")


def _hydra_override(name: str, value: Any, prefix: str = "") -> str:
    if not _HYDRA_PATH.fullmatch(name):
        raise RenderError(f"parameter {name!r} has a name that Hydra cannot read: use a path such as agent.policy.dim")
    try:
        return f"{prefix}{name}={spell_hydra(value)}"
    except RenderError as error:
        raise RenderError(f"parameter {name!r}: {error}") from None


def _without_boolean(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}"] if value else []
    return [f"--{name}={spell_value(value)}"]


_FORMS: Final[Mapping[str, Callable[[str, Any], list[str]]]] = {
    "args": lambda name, value: [f"--{name}={spell_value(value)}"],
    "args_no_equals": lambda name, value: [f"--{name}", spell_value(value)],
    "args_no_boolean_flags": _without_boolean,
    "args_no_hyphens": lambda name, value: [_hydra_override(name, value)],
    "args_append_hydra": lambda name, value: [_hydra_override(name, value, "+")],
    "args_override_hydra": lambda name, value: [_hydra_override(name, value, "++")],
}

CONFIG_JSON_FILE: Final = "config_json_file"
"""The macro that W&B does not have: the path of `base_config` with the trial's values in it."""

ARGUMENT_MACROS: Final = (*_FORMS, "args_json", "args_json_file", CONFIG_JSON_FILE)
"""The macros that stand for a trial's values; the rest of W&B's macros stand for the program and its surroundings."""

_MACRO = re.compile(r"\$+\{(\w+)\}")


def _macro_of(word: str) -> str | None:
    match = _MACRO.fullmatch(word)
    return match[1] if match and match[1] in ARGUMENT_MACROS else None


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
