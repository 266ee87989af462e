"""The last words of the container, where Kubernetes and the operator read them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.agent.ending import Ending
    from wandbsweep.agent.outcomes import Tally

_SECRETS = ("WANDB_API_KEY",)
_LONGEST_MESSAGE = 1024
"""Kubernetes keeps 4096 bytes of the file; a longer sentence would cut the JSON short."""


def without_secrets(text: str, environ: Mapping[str, str]) -> str:
    """Whoever reads the text may not be allowed to read the Secret."""
    for name in _SECRETS:
        if secret := environ.get(name, "").strip():
            text = text.replace(secret, f"<{name}>")
    return text


def write_termination_message(path: str, ending: Ending, runs: Tally) -> None:
    """Written in place, because the file is a mount; where there is none (a workstation), nothing is written."""
    words = {
        "reason": ending.code.reason,
        "message": ending.message[:_LONGEST_MESSAGE],
        "runs": {"finished": runs.finished, "failed": runs.failed, "stopped": runs.stopped},
    }
    with contextlib.suppress(OSError):
        if Path(path).exists() or not path.startswith("/dev/"):
            Path(path).write_text(json.dumps(words) + "\n", encoding="utf-8")
