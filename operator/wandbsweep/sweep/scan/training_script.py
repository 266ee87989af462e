"""The shell script that robomimic's ConfigGenerator writes: one training after the other, each with its own file."""

from __future__ import annotations

import re
import shlex
from typing import Final, NamedTuple

from wandbsweep.sweep.rendering.macros import CONFIG_JSON_FILE
from wandbsweep.sweep.scan.scanned_settings import NoScanError

_FLAG: Final = "--config"
_TRAINING: Final = re.compile(rf"\S*(python|\.sh)\S*\s.*{_FLAG}[= ]")


class TrainingScript(NamedTuple):
    """What the script runs, and the configurations that it runs it with, in order."""

    command: tuple[str, ...]
    configs: tuple[str, ...]


def is_training_script(text: str) -> bool:
    """Whether the first line that says something starts a training with a configuration."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _TRAINING.match(first) is not None


def read_training_script(text: str, name: str) -> TrainingScript:
    """The script, called `name` in messages. Raises NoScanError if it does anything else."""
    commands: list[tuple[str, ...]] = []
    configs: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        command, config = _training(line, f"{name}: line {number}")
        if commands and command != commands[0]:
            raise NoScanError(f"{name}: line {number} runs another command than the first training: split the script")
        commands.append(command)
        configs.append(config)
    return TrainingScript(commands[0], tuple(configs))


def _training(line: str, where: str) -> tuple[tuple[str, ...], str]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise NoScanError(f"{where} is no command: {error}") from None
    macro = f"${{{CONFIG_JSON_FILE}}}"
    for index, word in enumerate(words):
        if word == _FLAG and index + 1 < len(words):
            return (*words[: index + 1], macro, *words[index + 2 :]), words[index + 1]
        if word.startswith(f"{_FLAG}="):
            return (*words[:index], f"{_FLAG}", macro, *words[index + 1 :]), word.removeprefix(f"{_FLAG}=")
    raise NoScanError(f"{where} is no training with {_FLAG} and a file; take it out")
