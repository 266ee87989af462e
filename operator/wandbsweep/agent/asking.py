"""Asks W&B about the run of a trial while its trainer works, in a thread, and only as often as that is needed."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.signatures import tells_of_exception
from wandbsweep.agent.watch import Limits, Sight, next_question

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandbsweep.agent.relay import Tail
    from wandbsweep.agent.wandb_run import RunLook

_FINISHED: Final = "finished"

_NOTHING_YET_SECONDS: Final = 1.0
"""What W&B has so soon after the start is from an earlier life of the run: no trainer logs as early."""


class RunWatch:
    """What W&B says about the run of one trial, over all attempts to start its trainer.

    Args:
        look: asks W&B.
        limits: of the trainer.
    """

    def __init__(self, look: Callable[[], RunLook | None], limits: Limits) -> None:
        self._look = look
        self._limits = limits
        self._lines: int | None = None
        self._closed_at: str | None = None
        self._was_unfinished = False
        self._lock = threading.Lock()
        self._tail: Tail | None = None
        self._begin_attempt()

    def _begin_attempt(self) -> None:
        self._closed_before = self._closed_at
        self._sight = Sight(time.monotonic())
        self._first_metric_at: float | None = None
        self._without_metric_at = self._sight.started_at
        self._stopped = threading.Event()

    def start(self, tail: Tail, limits: Limits | None = None) -> None:
        """From now on a trainer works, whose output is kept there; it may have other limits than the one before."""
        self._tail = tail
        self._limits = limits or self._limits
        self._begin_attempt()
        threading.Thread(target=self._run, args=(self._stopped,), name="run-watch", daemon=True).start()

    def stop(self) -> None:
        """The trainer has ended; a question that is under way may still be answered."""
        self._stopped.set()

    def sight(self) -> Sight:
        """What has been seen of the trainer up to now."""
        output_at = self._tail.last_at if self._tail else None
        with self._lock:
            return replace(self._sight, output_at=output_at)

    def first_metric_at(self, ended_at: float) -> float | None:
        """When the trainer that ended then had its first metric on W&B, as exactly as is known; None without any."""
        with self._lock:
            if self._first_metric_at is None or self._first_metric_at <= ended_at:
                return self._first_metric_at
            return self._without_metric_at

    def ask(self, look: Callable[[], RunLook | None] | None = None) -> RunLook | None:
        """Asks once, and takes the answer in."""
        asked_at = time.monotonic()
        found = (look or self._look)()
        if found is not None:
            with self._lock:
                self._take(found, asked_at)
        return found

    def _take(self, found: RunLook, asked_at: float) -> None:
        now = time.monotonic()
        if self._lines is None:
            early = asked_at <= self._sight.started_at + _NOTHING_YET_SECONDS
            self._lines = found.history_lines if early else 0
            self._was_unfinished = not early
        sight = replace(self._sight, answered_at=asked_at)
        if found.history_lines > self._lines:
            self._lines = found.history_lines
            self._first_metric_at = self._first_metric_at or now
            sight = replace(sight, metric_at=now)
        elif self._first_metric_at is None:
            self._without_metric_at = asked_at
        finished = found.state == _FINISHED and (self._was_unfinished or sight.metric_at is not None)
        finished = finished or self._was_closed(found)
        self._was_unfinished = self._was_unfinished or found.state != _FINISHED
        self._sight = replace(sight, finished_at=(sight.finished_at or now) if finished else None)

    def _was_closed(self, found: RunLook) -> bool:
        """The end of a trainer's part in a run that goes on; by an exception it is closed, too."""
        self._closed_at = found.closed_at
        if self._closed_before is None:
            self._closed_before = found.closed_at
        failed = self._tail is not None and tells_of_exception(self._tail.text())
        return found.closed_at != self._closed_before and not failed

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            asked_at = time.monotonic()
            self.ask()
            self._wait_for_need(stopped, asked_at)

    def _wait_for_need(self, stopped: threading.Event, asked_at: float) -> None:
        """What has been seen meanwhile may put the next question off, so it is reckoned anew at its time."""
        while (left := next_question(self._limits, self.sight(), asked_at) - time.monotonic()) > 0:
            if stopped.wait(left):
                return
