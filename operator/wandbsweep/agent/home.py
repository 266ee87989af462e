"""The runtime's own folder in a container or on a workstation, and what lies where in it."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wandbsweep.agent.variables import HOME

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_FOR_FILE_NAMES = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True)
class Home:
    """Where agent and trials of one container meet."""

    path: Path

    @property
    def outcomes(self) -> Path:
        """One file for each run that ended, written by its trial and counted by the agent."""
        return self.path / "outcomes"

    @property
    def console(self) -> Path:
        """The socket over which a trial gets the container's own stdout and stderr."""
        return self.path / "console.sock"

    @property
    def draining(self) -> Path:
        """Exists from the moment at which the container has to go: a trial that is asked to end then is preempted."""
        return self.path / "draining"

    def args_file(self, run_id: str) -> Path:
        """The parameters of one run as JSON, for commands that take `${args_json_file}`."""
        return self.path / "args" / f"{file_name(run_id)}.json"

    def config_folder(self, run_id: str) -> Path:
        """Where the file of one run lies that `${config_json_file}` stands for."""
        return self.path / "configs" / file_name(run_id)


def agent_home(environ: Mapping[str, str], bundle_folder: Path | None) -> Home:
    """The agent's: as told, else beside the bundle it runs from, else as on a workstation."""
    if told := environ.get(HOME.name):
        return Home(Path(told))
    if bundle_folder is not None:
        return Home(bundle_folder / "home")
    return trial_home(environ)


def trial_home(environ: Mapping[str, str]) -> Home:
    """A trial's: as told by the agent, else in the run folder of W&B, else among the temporary files."""
    if told := environ.get(HOME.name):
        return Home(Path(told))
    if wandb_dir := environ.get("WANDB_DIR"):
        return Home(Path(wandb_dir) / "wandb" / "wandbsweep")
    return Home(Path(tempfile.gettempdir()) / f"wandbsweep-{os.getuid()}")


def file_name(run_id: str) -> str:
    """A run's ID as a file name; W&B's own IDs stay as they are."""
    return _NOT_FOR_FILE_NAMES.sub("_", run_id)[:128] or "_"
