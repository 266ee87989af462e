"""How one value is spelt for the program that reads it: Hydra's override grammar, or Python's own notation.

Standard library only: this file travels into training containers.
"""

from __future__ import annotations

import re
from typing import Any


class RenderError(ValueError):
    """A value that no argument can carry to its reader unchanged; the message tells the remedy."""


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


def hydra_override(name: str, value: Any, prefix: str = "") -> str:
    """One argument for Hydra: `agent.policy.dim=64`, behind + or ++ where the sweep says so."""
    if not is_hydra_path(name):
        raise RenderError(f"Hydra cannot read the name {name!r}: use a path such as agent.policy.dim")
    return f"{prefix}{name}={spell_hydra(value)}"


def is_hydra_path(name: str) -> bool:
    """Whether Hydra reads this as the path of a setting."""
    return _HYDRA_PATH.fullmatch(name) is not None
