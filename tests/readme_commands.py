"""The kubectl commands of the README, word by word, with a reader's own names in the place of its examples."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
_COMMAND = re.compile(r"^    (?:\$ )?(.*?kubectl .*)$|`(kubectl [^`]+)`", re.MULTILINE)
# Words of the README that are no commands: how to look at them.
_MENTIONED = ("kubectl apply", "kubectl describe", "kubectl wait")


def kubectl_commands() -> list[list[str]]:
    """The arguments of each, in the README's order; comments and what stands before a pipe are left out."""
    text = README.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [match[1] or match[2] for match in _COMMAND.finditer(text)]
    commands = []
    for line in lines:
        command = line[line.index("kubectl ") :].partition("  #")[0].strip()
        if command not in _MENTIONED:
            commands.append(shlex.split(re.sub(r"<[^>]*>", "PLACEHOLDER", command))[1:])
    return commands
