"""The environment of the W&B agent and its trials: what the user set, and defaults that make it work in a pod.

A pod may run as a user without a name, with a read-only root and no home; wandb's command line dies there at import.
Nothing that the user set is overruled, except a folder that cannot be written.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from typing import TYPE_CHECKING, Final

from wandbsweep.agent import home as homes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wandbsweep.agent.home import Home

DEFAULTS: Final[Mapping[str, str]] = {
    # What a trainer prints shows in the container's log at once, not when a buffer is full.
    "PYTHONUNBUFFERED": "1",
    # The agent signs in again after each run and dies when the server is away for this long; wandb's own 19 s is short.
    "WANDB_HTTP_TIMEOUT": "300",
    # wandb's own 15 s hide the history of short runs from early termination, and lose more when a run is stopped.
    "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "2",
    # No telemetry requests beside each run.
    "WANDB_ERROR_REPORTING": "false",
    # wandb gives up after 3 failures in the first minute, so that the trainer's start-up time decides whether failures
    # count. Here 3 failures are enough whenever they come, as long as most runs failed.
    "WANDB_AGENT_DISABLE_FLAPPING": "true",
    "WANDB_AGENT_MAX_INITIAL_FAILURES": "3",
}


def agent_environment(environ: Mapping[str, str], home: Home, bin_folder: Path) -> dict[str, str]:
    """The whole environment; makes the folders that it names."""
    own = str(home.path)
    environment = {**DEFAULTS, **environ, homes.VARIABLE: own}
    environment["PATH"] = f"{bin_folder}{os.pathsep}{environ.get('PATH') or os.defpath}"
    for variable in ("HOME", "WANDB_DIR"):
        if not _writable(environ.get(variable)):
            environment[variable] = own
    if not _writable(environ.get("TMPDIR") or "/tmp"):  # noqa: S108 - asked whether it can be used, not used
        environment["TMPDIR"] = _made(home.path / "tmp")
    for variable in ("USER", "LOGNAME"):
        if not environ.get(variable):
            environment[variable] = _user_name()
    if key := environ.get("WANDB_API_KEY"):
        # A Secret made from a file often ends in a newline, which W&B refuses.
        environment["WANDB_API_KEY"] = key.strip()
    return environment


def _writable(folder: str | None) -> bool:
    """By trying: access rights alone do not show a read-only file system of another kind or a full quota."""
    if not folder or not os.path.isdir(folder):  # noqa: PTH112 - the value is text from the environment
        return False
    if folder == "/":
        # What a container runtime sets as HOME of a user without a name; not a home even where it can be written.
        return False
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _made(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "agent"
