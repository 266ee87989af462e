"""The second stage of a trial: what is run after a training that ended well, and how that reaches the launcher.

Standard library only: this file travels into training containers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class EvaluationError(ValueError):
    """This is no evaluation; the text says what it lacks."""


@dataclass(frozen=True)
class EvaluationStage:
    """What is run after a training that ended well.

    Attributes:
        command: as the user wrote it, or as it is started.
        timeout_seconds: how long it may take; None: as long as it likes.
    """

    command: tuple[str, ...]
    timeout_seconds: int | None = None


def told_evaluation(stage: EvaluationStage) -> dict[str, Any]:
    """As the sweep's command has it on W&B."""
    limit = {} if stage.timeout_seconds is None else {"timeoutSeconds": stage.timeout_seconds}
    return {"command": list(stage.command), **limit}


def read_evaluation(told: Any) -> EvaluationStage:
    """The stage that was told. Raises EvaluationError for anything else."""
    command = told.get("command") if isinstance(told, dict) else None
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise EvaluationError("--evaluation must be a JSON object with a command, a list of words")
    seconds = told.get("timeoutSeconds")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1):
        raise EvaluationError("timeoutSeconds of --evaluation must be a whole number of seconds, 1 or more")
    return EvaluationStage(tuple(command), seconds)
