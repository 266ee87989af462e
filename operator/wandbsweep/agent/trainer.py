"""Runs one trainer in the foreground: signals reach its whole process group, and nothing of it is left behind.

The trainer is often a shell script that does not exec (Isaac Sim's python.sh): on SIGTERM the shell dies at once while
the Python under it saves its checkpoint. So the end of the trainer is the end of all its processes, not of the first.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandbsweep.agent.exit_codes import SIGNAL_BASE
from wandbsweep.agent.guardian import Guardian, guarded
from wandbsweep.agent.process_table import adopt_orphans, descendants, process_table, reap, send, send_group
from wandbsweep.agent.signal_inbox import SignalInbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ENDING_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
_PASSED_ON = _ENDING_SIGNALS | {signal.SIGUSR1, signal.SIGUSR2}

_SETTLE_SECONDS = 1.0
"""How long what a trainer leaves behind may take to end by itself: wandb's own service needs a moment."""

_LEFTOVER_SECONDS = 10.0
"""How long it may take after SIGTERM, before SIGKILL."""

_TICK_SECONDS = 0.1


@dataclass(frozen=True)
class TrainerEnd:
    """How a trainer ended.

    Attributes:
        return_code: of its first process; negative for a signal, as in subprocess.
        signalled: whether somebody asked the trial to end meanwhile.
    """

    return_code: int
    signalled: bool

    @property
    def exit_code(self) -> int:
        """As a shell would report it."""
        return self.return_code if self.return_code >= 0 else SIGNAL_BASE - self.return_code


def run_trainer(argv: Sequence[str], environment: Mapping[str, str]) -> TrainerEnd:
    """Starts the trainer and waits for its end; an OSError when it cannot be started."""
    adopt_orphans()
    with SignalInbox(_PASSED_ON | {signal.SIGCHLD}) as inbox, guarded() as guardian:
        process = subprocess.Popen(argv, start_new_session=True, env=environment)
        guardian.watch(process.pid)
        end = _wait_for_first_process(process, inbox)
        _wait_for_the_rest(process.pid, guardian, inbox, signalled=end.signalled)
        return end


def _wait_for_first_process(process: subprocess.Popen[bytes], inbox: SignalInbox) -> TrainerEnd:
    signalled = False
    while True:
        ended = reap()
        if process.pid in ended:
            # Popen did not see the child end; without this it would ask the system about a stranger's pid.
            process.returncode = ended[process.pid]
            return TrainerEnd(process.returncode, signalled)
        for signum in inbox.wait(None):
            if signum in _PASSED_ON:
                send_group(process.pid, signum)
                signalled = signalled or signum in _ENDING_SIGNALS


def _wait_for_the_rest(group: int, guardian: Guardian, inbox: SignalInbox, *, signalled: bool) -> None:
    """Asked to end, a trainer has the time that the one who asked allows; after an end of its own it has little."""
    term_at = time.monotonic() + _SETTLE_SECONDS
    kill_at = term_at + _LEFTOVER_SECONDS
    terminated = signalled
    while rest := _rest(guardian):
        now = time.monotonic()
        if not signalled and now >= kill_at:
            send(rest, signal.SIGKILL)
        elif not terminated and now >= term_at:
            send(rest, signal.SIGTERM)
            terminated = True
        for signum in inbox.wait(_TICK_SECONDS):
            if signum in _PASSED_ON:
                send_group(group, signum)
                signalled = signalled or signum in _ENDING_SIGNALS
        reap()
    if not terminated:
        # Where there is no process table this is all that can be done.
        send_group(group, signal.SIGTERM)


def _rest(guardian: Guardian) -> list[int]:
    table = process_table()
    return [process.pid for process in descendants(os.getpid(), table) if process.alive and process.pid != guardian.pid]
