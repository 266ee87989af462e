"""The runs of a sweep as its search has heard of them, in whichever way and order it heard.

W&B's scheduler tells of a run under the id that the search gave it, or as one that was there when the search began, and
of some runs twice. Here each run has one entry, the last word on it counts, and a run that was deleted is forgotten: so
a search that is rebuilt from the recorded runs has the same book as one that lived through them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wandb.sdk.sweeps.run_state import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wandb.sdk.sweeps.scheduler.optimizer import Run, RunWithMetrics

FAILED: Final = frozenset({RunState.FAILED, RunState.CRASHED})
ENDED: Final = FAILED | {RunState.FINISHED, RunState.KILLED}
"""States that a run does not leave again. One that was preempted will be handed out again."""


@dataclass
class Entry:
    """What is known of one run."""

    config: Mapping[str, Any]
    """As it was suggested, or as W&B has it."""
    state: RunState = RunState.PENDING
    wandb_run_id: str = ""
    """Empty until the run was seen on W&B."""
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return self.state in FAILED

    @property
    def in_flight(self) -> bool:
        """Whether it may still end, in whichever way."""
        return self.state not in ENDED


class Book:
    """All runs of one sweep, by the search's own ids, which are unique for as long as the book lives."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._entries: dict[str, Entry] = {}
        self._written = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    @property
    def in_flight(self) -> int:
        """How many runs may still end."""
        return sum(entry.in_flight for entry in self)

    def suggest(self, config: Mapping[str, Any]) -> str:
        """A run is proposed; its id."""
        return self._write(Entry(config))

    def by_key(self, key: str) -> Entry | None:
        """The run that has this id of the search's own."""
        return self._entries.get(key)

    def tell(self, key: str, run: RunWithMetrics) -> Entry | None:
        """The last word on a run; None if it is known no more."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if _is_deleted(run):
            del self._entries[key]
            return None
        entry.state, entry.summary = run.state, run.summary_metrics
        entry.wandb_run_id = run.wandb_run_id or entry.wandb_run_id
        return entry

    def enter(self, run: Run, summary: Mapping[str, Any] | None = None) -> str:
        """A run that the search did not suggest, or the last word on one that it knows; its id."""
        key = self._key_of(run.wandb_run_id)
        if key is None:
            return self._write(Entry(run.config.flat_dict(), run.state, run.wandb_run_id, summary or {}))
        entry = self._entries[key]
        entry.state, entry.summary = run.state, entry.summary if summary is None else summary
        return key

    def forget(self, key: str) -> Entry | None:
        """A run that was proposed will never start."""
        return self._entries.pop(key, None)

    def _key_of(self, wandb_run_id: str) -> str | None:
        return next((key for key, entry in self._entries.items() if entry.wandb_run_id == wandb_run_id), None)

    def _write(self, entry: Entry) -> str:
        key = f"{self._prefix}-{self._written}"
        self._written += 1
        self._entries[key] = entry
        return key


def _is_deleted(run: RunWithMetrics) -> bool:
    """W&B's scheduler calls a run failed that is gone, and has nothing of it."""
    return run.state in FAILED and not run.config.config and not run.summary_metrics
