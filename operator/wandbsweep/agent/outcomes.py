"""What became of each run: recorded by its trial, counted by the agent when it ends.

`wandb agent` ends with 0 for nearly everything, so these files are how the runtime knows of failures.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from wandbsweep.agent.atomic_file import write_atomically
from wandbsweep.agent.home import file_name

if TYPE_CHECKING:
    from pathlib import Path


class Outcome(str, Enum):
    """How a run ended, seen from its trainer."""

    FINISHED = "finished"  # exit code 0
    FAILED = "failed"  # any other end of its own
    STOPPED = "stopped"  # ended after a signal that somebody sent to the trial


@dataclass(frozen=True)
class TrialRecord:
    """One run's end."""

    run_id: str
    outcome: Outcome
    exit_code: int
    ended_at: float


@dataclass(frozen=True)
class Tally:
    """The runs of one agent, counted; the last failure is kept for the message."""

    finished: int = 0
    failed: int = 0
    stopped: int = 0
    last_failure: TrialRecord | None = None

    @property
    def total(self) -> int:
        """All runs that ended under this agent."""
        return self.finished + self.failed + self.stopped


def record(folder: Path, trial: TrialRecord) -> None:
    """Writes one run's end; a run that is handed out again replaces its earlier record."""
    row = {
        "runID": trial.run_id,
        "outcome": trial.outcome.value,
        "exitCode": trial.exit_code,
        "endedAt": trial.ended_at,
    }
    write_atomically(folder / f"{file_name(trial.run_id)}.json", (json.dumps(row) + "\n").encode())


def forget(folder: Path) -> None:
    """Removes the records of an earlier agent, so that only this one's runs are counted."""
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)


def trials(folder: Path) -> list[TrialRecord]:
    """The records in the order in which the trials ended; a file that is no record is passed over."""
    records = [record for path in sorted(folder.glob("*.json")) if (record := _read(path)) is not None]
    return sorted(records, key=lambda record: record.ended_at)


def tally(folder: Path) -> Tally:
    """Counts the records."""
    ended = trials(folder)
    counts = {outcome: sum(trial.outcome is outcome for trial in ended) for outcome in Outcome}
    failures = [trial for trial in ended if trial.outcome is Outcome.FAILED]
    return Tally(
        finished=counts[Outcome.FINISHED],
        failed=counts[Outcome.FAILED],
        stopped=counts[Outcome.STOPPED],
        last_failure=max(failures, key=lambda trial: trial.ended_at, default=None),
    )


def _read(path: Path) -> TrialRecord | None:
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        return TrialRecord(row["runID"], Outcome(row["outcome"]), int(row["exitCode"]), float(row["endedAt"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
