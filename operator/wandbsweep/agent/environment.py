"""The environment of the W&B agent and its trials: what the user set, and defaults that make it work in a pod.

A pod may run as a user without a name, with a read-only root and no home; wandb's command line dies there at import.
Nothing that the user set is overruled, except a folder that cannot be written.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from typing import TYPE_CHECKING

from wandbsweep.agent.variables import DEFAULTS, HOME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wandbsweep.agent.home import Home


def agent_environment(environ: Mapping[str, str], home: Home, bin_folder: Path) -> dict[str, str]:
    """The whole environment; makes the folders that it names."""
    own = str(home.path)
    environment = {**{row.name: row.value for row in DEFAULTS}, **environ, HOME.name: own}
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
