"""The last words of the container, where Kubernetes and the operator read them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.agent.ending import Ending
    from wandbsweep.agent.outcomes import Tally

_SECRETS = ("WANDB_API_KEY",)
_LARGEST_FILE = 2048
"""Kubernetes keeps 4096 bytes of the file, and 12 KiB of all containers of a pod."""


def without_secrets(text: str, environ: Mapping[str, str]) -> str:
    """Whoever reads the text may not be allowed to read the Secret."""
    for name in _SECRETS:
        if secret := environ.get(name, "").strip():
            text = text.replace(secret, f"<{name}>")
    return text


def write_termination_message(
    path: str, ending: Ending, runs: Tally, seconds: Mapping[str, float], *, gpu: str | None = None
) -> None:
    """How the agent ended, what became of its runs and of its time, and on which GPU."""
    words: dict[str, Any] = {
        "reason": ending.code.reason,
        "message": ending.message,
        "runs": {
            "finished": runs.finished,
            "failed": runs.failed,
            "stopped": runs.stopped,
            "preempted": runs.preempted,
        },
        "causes": dict(runs.causes),
        "seconds": dict(seconds),
    }
    write_words(path, words if gpu is None else {**words, "gpu": gpu})


def write_words(path: str, words: dict[str, Any]) -> None:
    """Written in place, because the file is a mount; where there is none (a workstation), nothing is written."""
    with contextlib.suppress(OSError):
        if Path(path).exists() or not path.startswith("/dev/"):
            Path(path).write_bytes(_fitting(words))


def _fitting(words: dict[str, Any]) -> bytes:
    """Kubernetes cuts what is too long; that must be the sentence and not the JSON."""
    while len(text := json.dumps(words).encode() + b"\n") > _LARGEST_FILE:
        message = words["message"]
        words = {**words, "message": message[: len(message) * 3 // 4]}
    return text
