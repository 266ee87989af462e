"""What became of each run: recorded by its trial, counted by the agent when it ends.

`wandb agent` ends with 0 for nearly everything, so these files are how the runtime knows of failures. A trial writes
one when it begins, too, so that a trial whose launcher was killed is known, with the time that it took.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.agent.atomic_file import write_atomically
from wandbsweep.agent.causes import Cause
from wandbsweep.agent.home import file_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

STARTUP: Final = "startup"
"""The seconds until the first metric, whatever became of the run."""

_CAUSES: Final = {cause.value: cause for cause in Cause}

_LONGEST_LINE: Final = 300
_BEGUN: Final = ".begun"


class Outcome(str, Enum):
    """How a run ended, as the agent counts it."""

    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"  # after a signal that somebody sent to the trial
    PREEMPTED = "preempted"  # likewise, because the container had to go


_OUTCOMES: Final = {
    Cause.FINISHED: Outcome.FINISHED,
    Cause.STOPPED: Outcome.STOPPED,
    Cause.PREEMPTED: Outcome.PREEMPTED,
}


@dataclass(frozen=True)
class TrialRecord:
    """One run's end.

    Attributes:
        run_id: of W&B.
        cause: why it ended.
        exit_code: of the trial.
        ended_at: by the wall clock.
        seconds: what the run took under this agent, by what became of it.
        last_line: what its trainer said last.
    """

    run_id: str
    cause: Cause
    exit_code: int
    ended_at: float
    seconds: Mapping[str, float] = field(default_factory=dict)
    last_line: str = ""

    @property
    def outcome(self) -> Outcome:
        """As the agent counts it."""
        return outcome_of(self.cause)


@dataclass(frozen=True)
class Tally:
    """The runs of one agent, counted; the last failure is kept for the message."""

    finished: int = 0
    failed: int = 0
    stopped: int = 0
    preempted: int = 0
    causes: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    last_failure: TrialRecord | None = None

    @property
    def total(self) -> int:
        """All runs that ended under this agent."""
        return self.finished + self.failed + self.stopped + self.preempted


def outcome_of(cause: Cause) -> Outcome:
    """Everything is a failure that somebody has to look into."""
    return _OUTCOMES.get(cause, Outcome.FAILED)


def spent(cause: Cause, startup: float, rest: float) -> dict[str, float]:
    """The seconds of a run by what became of them; those of a stopped run are lost as those of a preempted one."""
    outcome = outcome_of(cause)
    lost = outcome is Outcome.STOPPED
    return {STARTUP: startup, (Outcome.PREEMPTED if lost else outcome).value: rest}


def begin(folder: Path, run_id: str, at: float) -> None:
    """Notes that a trial begins, until its end is recorded."""
    _save(_begun(folder, run_id), {"runID": run_id, "startedAt": at})


def record(folder: Path, trial: TrialRecord) -> None:
    """Writes one run's end; a run that is handed out again replaces its earlier end, but not the time it took."""
    file, begun = _ended(folder, trial.run_id), _begun(folder, trial.run_id)
    row = {
        "runID": trial.run_id,
        "startedAt": _load(begun).get("startedAt", trial.ended_at),
        "cause": trial.cause.value,
        "outcome": trial.outcome.value,
        "exitCode": trial.exit_code,
        "endedAt": trial.ended_at,
        "seconds": _sum([_load(file).get("seconds", {}), trial.seconds]),
        "lastLine": trial.last_line[:_LONGEST_LINE],
    }
    _save(file, row)
    begun.unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Removes the records of an earlier agent, so that only this one's runs are counted."""
    for path in [*folder.glob("*.json"), *folder.glob(f"*{_BEGUN}")]:
        path.unlink(missing_ok=True)


def trials(folder: Path) -> list[TrialRecord]:
    """The records in the order in which the trials ended; a file that is no record is passed over."""
    records = [record for path in sorted(folder.glob("*.json")) if (record := _trial(_load(path))) is not None]
    return sorted(records, key=lambda record: record.ended_at)


def tally(folder: Path, *, now: float, drained: bool) -> Tally:
    """Counts the records.

    A trial without an end was killed together with its launcher, by whoever had asked it to end.
    """
    ended = {trial.run_id: trial for trial in trials(folder)}
    for trial in _killed(folder, now, Cause.PREEMPTED if drained else Cause.STOPPED):
        earlier = ended.get(trial.run_id)
        ended[trial.run_id] = replace(trial, seconds=_sum([earlier.seconds, trial.seconds])) if earlier else trial
    counts = Counter(trial.outcome for trial in ended.values())
    failures = [trial for trial in ended.values() if trial.outcome is Outcome.FAILED]
    return Tally(
        finished=counts[Outcome.FINISHED],
        failed=counts[Outcome.FAILED],
        stopped=counts[Outcome.STOPPED],
        preempted=counts[Outcome.PREEMPTED],
        causes=dict(Counter(trial.cause.value for trial in ended.values())),
        seconds=_sum(trial.seconds for trial in ended.values()),
        last_failure=max(failures, key=lambda trial: trial.ended_at, default=None),
    )


def _trial(row: Mapping[str, Any]) -> TrialRecord | None:
    try:
        return TrialRecord(
            row["runID"],
            _CAUSES[row["cause"]],
            int(row["exitCode"]),
            float(row["endedAt"]),
            _sum([row.get("seconds", {})]),
            str(row.get("lastLine", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _killed(folder: Path, now: float, cause: Cause) -> list[TrialRecord]:
    """One run at a time: what was begun later shows when an earlier one was over."""
    begun = [_load(path) for path in sorted(folder.glob(f"*{_BEGUN}"))]
    starts = [_started_at(row) for row in [*begun, *(_load(path) for path in folder.glob("*.json"))]]
    killed = []
    for row in begun:
        started_at = _started_at(row)
        if started_at is None or not isinstance(row.get("runID"), str):
            continue
        ended_at = min([now, *(start for start in starts if start is not None and start > started_at)])
        lost = spent(cause, 0.0, max(0.0, ended_at - started_at))
        killed.append(TrialRecord(row["runID"], cause, -1, ended_at, lost))
    return killed


def _started_at(row: Mapping[str, Any]) -> float | None:
    started_at = row.get("startedAt")
    return float(started_at) if isinstance(started_at, (int, float)) else None


def _sum(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update({name: float(seconds) for name, seconds in part.items()})
    return dict(total)


def _ended(folder: Path, run_id: str) -> Path:
    return folder / f"{file_name(run_id)}.json"


def _begun(folder: Path, run_id: str) -> Path:
    return folder / f"{file_name(run_id)}{_BEGUN}"


def _save(path: Path, row: Mapping[str, Any]) -> None:
    write_atomically(path, (json.dumps(row) + "\n").encode())


def _load(path: Path) -> dict[str, Any]:
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return row if isinstance(row, dict) else {}
