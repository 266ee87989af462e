"""A trial whose pod has to go: W&B is told before the trainer is, and hands the same run out again.

The runtime's main process says so first (`announce`): it leaves a note for the launchers of its trials and has their
runs marked before SIGTERM goes out, because a trainer that ends at once would otherwise have failed. A launcher that
finds the note gives its trainer until `kill_trainer_at`, and sees to it at the end that the run is in W&B's queue.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.atomic_file import write_atomically
from wandbsweep.agent.causes import Cause
from wandbsweep.agent.exit_codes import SIGNAL_BASE
from wandbsweep.agent.wandb_run import DRAIN_BUDGET_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.agent.drain import DrainBudget
    from wandbsweep.agent.home import Home
    from wandbsweep.agent.wandb_run import RunLook, RunReporter

MARK_FIRST_SECONDS: Final = 0.6
"""How long SIGTERM may wait for W&B's answer, which takes a tenth of that; the request goes on after it."""

_MARK_SECONDS: Final = 8.0
_LEAST_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Draining:
    """The container has to go.

    Attributes:
        kill_trainer_at: by time.monotonic(), which all processes of a machine share.
    """

    kill_trainer_at: float


def announce(home: Home, budget: DrainBudget) -> None:
    """From now on a trial that is asked to end is preempted. Without a place for the note it counts as stopped."""
    note = {"killTrainerAt": time.monotonic() + budget.trainer_seconds}
    try:
        write_atomically(home.draining, (json.dumps(note) + "\n").encode())
    except OSError:
        return


def withdraw(home: Home) -> None:
    """Removes the note of an earlier agent; OSError where the folder cannot be written."""
    home.draining.unlink(missing_ok=True)


def draining(home: Home) -> Draining | None:
    """What a launcher asks when it gets SIGTERM; None: its trial was stopped, by W&B or by a user."""
    try:
        return Draining(float(json.loads(home.draining.read_text())["killTrainerAt"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def mark_runs(reporters: Iterable[RunReporter]) -> None:
    """Marks the runs; waits a moment for that and leaves the rest to threads."""
    threads = [
        threading.Thread(target=reporter.mark_preempting, args=(_MARK_SECONDS,), name="mark-preempting", daemon=True)
        for reporter in reporters
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + MARK_FIRST_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def settle(reporter: RunReporter, return_code: int, seconds: float = DRAIN_BUDGET_SECONDS) -> Cause:
    """What a launcher does once its interrupted trainer has ended, whatever of it was said before; says its cause.

    The cause is written to the run as well. A trainer that was killed has not said its last word, and as long as that
    is missing W&B waits for it. It is said here, but only of a run that is certainly still this trial's: once the last
    word was said, another agent may have the run already.

    Args:
        reporter: of the run.
        return_code: of the trainer, negative for a signal, as in subprocess. A trainer that ends with 0 has finished.
        seconds: what all of it may take.
    """
    until = time.monotonic() + seconds
    look = reporter.look(_left(until))
    if return_code == 0 or (look is not None and look.state == "finished"):
        return _tagged(reporter, Cause.FINISHED, until)
    if look is not None and look.state == "killed":
        return _tagged(reporter, Cause.STOPPED, until)
    if look is not None and look.state == "failed":
        # Its last word overtook the mark. A server that takes the mark all the same puts the run back into its queue.
        reporter.mark_preempting(_left(until))
    elif look is not None and _waits_for_its_trainer(look, return_code):
        reporter.mark_preempting(_left(until))
        _tagged(reporter, Cause.PREEMPTED, until)
        reporter.complete(exit_code(return_code), _left(until))
        return Cause.PREEMPTED
    return _tagged(reporter, Cause.PREEMPTED, until)


def hand_back(reporter: RunReporter, seconds: float = DRAIN_BUDGET_SECONDS) -> bool:
    """A run that was handed out and that nobody began goes back into the queue; whether it was one."""
    until = time.monotonic() + seconds
    look = reporter.look(_left(until))
    if look is None or look.state != "pending" or look.begun:
        return False
    return reporter.mark_preempting(_left(until)) and reporter.complete(SIGNAL_BASE + 15, _left(until))


def exit_code(return_code: int) -> int:
    """As a shell would report it."""
    return return_code if return_code >= 0 else SIGNAL_BASE - return_code


def _waits_for_its_trainer(look: RunLook, return_code: int) -> bool:
    """Marked and no word since; never begun; given up; or not even marked, and the trainer had no time for a word."""
    if look.state == "pending":
        return not look.begun
    return look.state in {"preempting", "crashed"} or (look.state == "running" and return_code < 0)


def _tagged(reporter: RunReporter, cause: Cause, until: float) -> Cause:
    reporter.tag(cause, None, _left(until))
    return cause


def _left(until: float) -> float:
    return max(_LEAST_SECONDS, until - time.monotonic())
