"""The command of a sweep: the words that start the program, macros included."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.problems import Place, Report, did_you_mean, kind_of
from wandbsweep.sweep.rendering.macros import ARGUMENT_MACROS, CHECKPOINT_DIR
from wandbsweep.sweep.rendering.surroundings import VARIABLE
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_COMMAND: Final = ("${env}", "${interpreter}", "${program}", "${args}")
"""What W&B's agent runs when a definition has no command."""

_SURROUNDINGS: Final = ("env", "interpreter", "program")
_MACRO = re.compile(r"\$\{([^}:]*)\}")


def read_command(config: Mapping[str, Any], place: Place, report: Report) -> tuple[str, ...]:
    """The command's words; W&B's default where the definition has none."""
    command = config.get("command", [])
    if not isinstance(command, list):
        report.add(
            Rule.WRONG_KIND, place / "command", f"must be a list, not {kind_of(command)}", "give one word per item"
        )
        return DEFAULT_COMMAND
    for index, word in enumerate(command):
        check_word(word, place / "command" / index, report)
    words = tuple(str(word) for word in command) or DEFAULT_COMMAND
    if "${program}" in words and not config.get("program"):
        report.add(
            Rule.MISSING_KEY,
            place / "program",
            "is missing, and the command uses ${program}",
            "name the training script",
        )
    return words


def check_word(word: Any, place: Place, report: Report) -> None:
    """A word of a command is text, with a macro that there is, or without one."""
    if isinstance(word, (dict, list, bool)) or word is None:
        report.add(Rule.WRONG_KIND, place, f"YAML reads this as {kind_of(word)}", "put the word in quotes")
        return
    text = VARIABLE.sub("", str(word))
    known = (*_SURROUNDINGS, *ARGUMENT_MACROS, CHECKPOINT_DIR)
    if text.startswith("${") and text.endswith("}"):
        if text[2:-1] not in known:
            otherwise = "write the variable in capitals" if text.startswith("${envvar:") else "remove it"
            remedy = did_you_mean(text[2:-1], known, otherwise)
            report.add(Rule.UNKNOWN_MACRO, place, f"W&B knows no macro {word} and drops it", remedy)
        return
    inside = _MACRO.search(text)
    if inside and inside[1] in known and inside[1] != CHECKPOINT_DIR:
        message = f"W&B fills in {inside[0]} only where it is a whole word, and leaves {word!r} as it is"
        report.add(Rule.MACRO_IN_WORD, place, message, "give it an item of its own")
