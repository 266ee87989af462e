"""The trials of a W&B agent, seen from outside: their processes, the runs they work on, and runs without a process."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from wandbsweep.agent.wandb_run import RunReporter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wandbsweep.agent.process_table import Process

_CONFIG_FILE = "config-*.yaml"


def living_trials(parent: int, table: Sequence[Process]) -> list[Process]:
    """The W&B agent puts each trial into a process group of its own, but not into a session, as its own service is.

    Args:
        parent: the W&B agent, or whoever adopted its children.
        table: of processes.
    """
    return [
        process
        for process in table
        if process.parent == parent and process.alive and process.group == process.pid != process.session
    ]


def reporter_of(trial: Process) -> RunReporter | None:
    """The run of a trial, from the environment that the W&B agent gave it."""
    try:
        text = Path(f"/proc/{trial.pid}/environ").read_bytes()
    except OSError:
        return None
    pairs = [entry.decode(errors="surrogateescape").partition("=") for entry in text.split(b"\0") if entry]
    return RunReporter.from_environ({name: value for name, _, value in pairs})


def unstarted_run(environment: Mapping[str, str], sweep: str, since: float, known: Collection[str]) -> str | None:
    """The last run that the W&B agent was given, if it perhaps never came to start its trial.

    It writes a file with the values of a run before that.

    Args:
        environment: of the W&B agent.
        sweep: `entity/project/id`.
        since: by time.time(), when this W&B agent was started.
        known: runs of which a trial was seen.
    """
    folder = Path(environment.get("WANDB_DIR", "."), "wandb", f"sweep-{sweep.rpartition('/')[2]}")
    latest: tuple[float, str] | None = None
    for file in folder.glob(_CONFIG_FILE):
        with contextlib.suppress(OSError):
            written = (file.stat().st_mtime, file.stem.removeprefix(_CONFIG_FILE.partition("*")[0]))
            latest = max(written, latest or written)
    return latest[1] if latest and latest[0] >= since and latest[1] not in known else None


def reporter_of_run(environment: Mapping[str, str], sweep: str, run_id: str) -> RunReporter | None:
    """A run of the sweep that has no process of its own."""
    entity, project, sweep_id = sweep.split("/")
    names = {"WANDB_ENTITY": entity, "WANDB_PROJECT": project, "WANDB_SWEEP_ID": sweep_id, "WANDB_RUN_ID": run_id}
    return RunReporter.from_environ({**environment, **names})
