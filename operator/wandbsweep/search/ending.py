"""How a search ends: its exit code, and the sentence that Kubernetes and the operator read of it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.termination import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.agent.exit_codes import SearchExit

_LARGEST_BYTES: Final = 2048
_SHORTER: Final = 0.75


@dataclass(frozen=True)
class SearchEnding:
    """The code and, in a sentence, why."""

    code: SearchExit
    message: str


class EndedError(Exception):
    """The search cannot go on; how it ends."""

    def __init__(self, code: SearchExit, message: str) -> None:
        super().__init__(message)
        self.ending = SearchEnding(code, message)


def write_last_words(path: str, ending: SearchEnding, environ: Mapping[str, str]) -> None:
    """In place, because the file is a mount; where there is none (a workstation), nothing is written."""
    message = without_secrets(ending.message, environ)
    text = _words(ending, message)
    while len(text) > _LARGEST_BYTES:
        message = message[: int(len(message) * _SHORTER)]
        text = _words(ending, message)
    with contextlib.suppress(OSError):
        if Path(path).exists() or not path.startswith("/dev/"):
            Path(path).write_bytes(text)


def _words(ending: SearchEnding, message: str) -> bytes:
    return json.dumps({"reason": ending.code.reason, "message": message}).encode() + b"\n"
