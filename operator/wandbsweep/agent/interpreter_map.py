"""Lets a machine that is not the cluster join a sweep: its Python is somewhere else.

WANDBSWEEP_INTERPRETER_MAP='{"/isaac-sim/python.sh": "/workspace/isaaclab/isaaclab.sh -p"}' replaces the program with
which a sweep's command begins.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from wandbsweep.agent.variables import INTERPRETER_MAP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ENV_PROGRAMS = frozenset({"env", "/usr/bin/env"})


class InterpreterMapError(ValueError):
    """The variable cannot be read; the message says what it must look like."""


def read_interpreter_map(text: str) -> dict[str, list[str]]:
    """The variable's text as a mapping from a program to the words that replace it."""
    try:
        rows = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise InterpreterMapError(f"{INTERPRETER_MAP.name} is not JSON ({error}): {_remedy()}") from None
    if not isinstance(rows, dict) or not all(isinstance(target, str) for target in rows.values()):
        raise InterpreterMapError(f"{INTERPRETER_MAP.name} must be a JSON object of texts: {_remedy()}")
    try:
        words = {program: shlex.split(target) for program, target in rows.items()}
    except ValueError as error:
        raise InterpreterMapError(
            f"{INTERPRETER_MAP.name} has a value with an open quote ({error}): {_remedy()}"
        ) from None
    for program, target in words.items():
        if not target:
            raise InterpreterMapError(f"{INTERPRETER_MAP.name} maps {program!r} to nothing: {_remedy()}")
    return words


def map_interpreter(argv: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str]:
    """Replaces the program that the command begins with, also behind `/usr/bin/env`."""
    at = 1 if len(argv) > 1 and argv[0] in _ENV_PROGRAMS else 0
    return [*argv[:at], *rows.get(argv[at], [argv[at]]), *argv[at + 1 :]]


def _remedy() -> str:
    return 'write it as {"/isaac-sim/python.sh": "/path/on/this/machine"}'
