"""The macros of a command that W&B's agent fills in itself: the program, its interpreter, variables of the machine.

The agent does so for the sweep's own command, which is filled in here only to show what would run. The words of an
evaluation it never sees: for them this is the real thing.

Standard library only: this file travels into training containers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLE: Final = re.compile(r"\$\{envvar:([A-Z0-9_]*)\}")
"""A variable of the machine, also inside a word; W&B takes capitals only."""


def fill_in_surroundings(
    words: Sequence[str], *, program: str | None, environ: Mapping[str, str] | None = None
) -> list[str]:
    """The words of a command as W&B's agent leaves them: a word that begins and ends like a macro is one or is dropped.

    Args:
        words: with their argument macros hidden.
        program: the file that `${program}` stands for.
        environ: the agent's variables. One that is not among them becomes its own name, as with W&B. None if they are
            not known here: `${envvar:X}` then stays as it is.
    """
    macros = {"env": ["/usr/bin/env"], "interpreter": ["python"], "program": [program] if program else []}
    variables = environ or {}
    filled: list[str] = []
    for word in words:
        if environ is None and VARIABLE.search(word):
            filled.append(word)
            continue
        text = VARIABLE.sub(lambda match: variables.get(match[1], match[1]), word)
        filled += macros.get(text[2:-1], []) if text.startswith("${") and text.endswith("}") else [text]
    return filled
