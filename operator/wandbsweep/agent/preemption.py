"""A trial whose pod has to go: W&B is told before the trainer is, and hands the same run out again.

The runtime's main process leaves a note for the launchers of its trials (`announce`) and has their runs marked
(`mark_runs`) before SIGTERM goes out, because a trainer that ends at once would otherwise have failed. A launcher that
finds the note knows that its trial is preempted and not stopped, and has W&B's last word on it seen to.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.exit_codes import SIGNAL_BASE
from wandbsweep.agent.wandb_run import DRAIN_BUDGET_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.agent.home import Home
    from wandbsweep.agent.wandb_run import RunReporter

MARK_FIRST_SECONDS: Final = 0.6
"""How long SIGTERM may wait for W&B's answer, which takes a tenth of that; the request goes on after it."""

_LEAST_SECONDS: Final = 0.1


def announce(home: Home) -> None:
    """From now on a trial that is asked to end is preempted. Without a place for the note it counts as stopped."""
    with contextlib.suppress(OSError):
        home.draining.touch()


def withdraw(home: Home) -> None:
    """Removes the note of an earlier agent; OSError where the folder cannot be written."""
    home.draining.unlink(missing_ok=True)


def mark_runs(reporters: Iterable[RunReporter]) -> None:
    """Marks the runs; waits a moment for that and leaves the rest to threads."""
    threads = [
        threading.Thread(target=reporter.mark_preempting, name="mark-preempting", daemon=True) for reporter in reporters
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + MARK_FIRST_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def hand_back(reporter: RunReporter, seconds: float = DRAIN_BUDGET_SECONDS) -> bool:
    """A run that was handed out and that nobody began goes back into the queue; whether it was one."""
    until = time.monotonic() + seconds
    look = reporter.look(seconds)
    if look is None or look.state != "pending" or look.begun:
        return False
    return reporter.mark_preempting(_left(until)) and reporter.complete(SIGNAL_BASE + signal.SIGTERM, _left(until))


def _left(until: float) -> float:
    return max(_LEAST_SECONDS, until - time.monotonic())
