"""What a run that may be interrupted is given: a checkpoint folder of its own, and the words with which it goes on.

A preempted run is handed out again under its ID, perhaps to another node. Its folder, on a volume that both can see,
is how the second trainer finds what the first one saved.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.home import file_name
from wandbsweep.agent.variables import CHECKPOINT_DIR, CHECKPOINTS, RESUME_ARGS, RESUMED
from wandbsweep.sweep.rendering.macros import CHECKPOINT_DIR_MACRO, fill_in_checkpoint_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.agent.wandb_run import RunLook, RunReporter

_RESUME: Final = "WANDB_RESUME"
_LOOK_SECONDS: Final = 5.0
_NO_RUN: Final = "run"
"""Where a trainer is started by hand, without a run or a sweep."""


class CheckpointError(ValueError):
    """The run cannot be given what it was promised; the message is for the user."""


@dataclass(frozen=True)
class Preparation:
    """What the trainer of one run gets beside its command.

    Attributes:
        checkpoint_dir: the run's own folder; None where there is no place for one.
        resumed: whether the run began before.
        resume_words: what follows the trainer's command.
        environment: variables to be set for the trainer.
    """

    checkpoint_dir: str | None = None
    resumed: bool = False
    resume_words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def complete(self, argv: Sequence[str]) -> list[str]:
        """The rendered command with the words that make it go on; CheckpointError if it asks for a folder in vain."""
        return self.checked([*argv, *self.resume_words], "the command")

    def checked(self, words: Sequence[str], what: str) -> list[str]:
        """The words, if they have the folder that they ask for; else CheckpointError."""
        if any(CHECKPOINT_DIR_MACRO in word for word in words):
            raise CheckpointError(
                f"{what} asks for {CHECKPOINT_DIR_MACRO}, and there is no place for checkpoints: set "
                f"spec.checkpoint on the WandbSweep, or {CHECKPOINTS.name} on this machine"
            )
        return list(words)


def prepare_run(environ: Mapping[str, str], run_id: str, reporter: RunReporter | None) -> Preparation:
    """Makes the run's folder and finds out whether the run goes on; call it once, before its first trainer starts.

    A run goes on if W&B has heard of its trainer before, or if there is something in its folder. The words for going on
    are given only if there is something to go on from: a run may have been interrupted before its first checkpoint.
    """
    words = read_resume_args(environ.get(RESUME_ARGS.name, ""))
    folder = checkpoint_folder(environ, run_id)
    holds_something = folder is not None and _make(folder)
    look = None if holds_something or reporter is None else reporter.look(_LOOK_SECONDS)
    began = _began(look)
    goes_on_from = holds_something if folder else began
    given = {_RESUME: environ.get(_RESUME) or "allow", RESUMED.name: "true" if holds_something or began else "false"}
    if folder:
        given[CHECKPOINT_DIR.name] = str(folder)
    path = str(folder) if folder else None
    return Preparation(
        checkpoint_dir=path,
        resumed=holds_something or began,
        resume_words=tuple(fill_in_checkpoint_dir(word, path) for word in words) if goes_on_from else (),
        environment=given,
    )


def checkpoint_folder(environ: Mapping[str, str], run_id: str) -> Path | None:
    """Where a run keeps its checkpoints: <root>/<sweep ID>/<run ID>."""
    root = environ.get(CHECKPOINTS.name)
    return Path(root, file_name(environ.get("WANDB_SWEEP_ID") or _NO_RUN), file_name(run_id)) if root else None


def read_resume_args(text: str) -> list[str]:
    """The words of the variable; none if it is not set."""
    try:
        words = json.loads(text) if text else []
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise CheckpointError(f'{RESUME_ARGS.name} must be a JSON list of words, such as ["--resume"]')
    return words


def _began(look: RunLook | None) -> bool:
    return look is not None and look.begun


def _make(folder: Path) -> bool:
    """Makes the folder if need be; whether there is anything in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return any(folder.iterdir())
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint folder {folder} cannot be used ({error.strerror}): {CHECKPOINTS.name} must name a "
            "folder that the trainer's user can write"
        ) from None
