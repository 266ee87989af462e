"""Runs one trainer in the foreground: signals reach its whole process group, and nothing of it is left behind.

The trainer is often a shell script that does not exec (Isaac Sim's python.sh): on SIGTERM the shell dies at once while
the Python under it saves its checkpoint. So the end of the trainer is the end of all its processes, not of the first.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.exit_codes import SIGNAL_BASE
from wandbsweep.agent.guardian import Guardian, guarded
from wandbsweep.agent.process_table import adopt_orphans, descendants, process_table, reap, send, send_group
from wandbsweep.agent.relay import Relay, Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wandbsweep.agent.causes import Cause
    from wandbsweep.agent.signal_inbox import SignalInbox

ENDING_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
_PASSED_ON: Final = ENDING_SIGNALS | {signal.SIGUSR1, signal.SIGUSR2}
SIGNALS: Final = _PASSED_ON | {signal.SIGCHLD}

TERM_SECONDS: Final = 10.0
"""How long a trainer may take after SIGTERM that nobody but the launcher wanted, before SIGKILL."""

_SETTLE_SECONDS: Final = 1.0
"""How long what a trainer leaves behind may take to end by itself: wandb's own service needs a moment."""

_OUTPUT_SECONDS: Final = 1.0
"""How long the last of the output may take when somebody who is no child of the trainer keeps it open."""

_TICK_SECONDS: Final = 0.1
_WATCH_SECONDS: Final = 0.5


@dataclass(frozen=True)
class TrainerEnd:
    """How a trainer ended.

    Attributes:
        return_code: of its first process; negative for a signal, as in subprocess.
        asked: whether somebody asked the trial to end meanwhile.
        asked_late: whether somebody did only after its first process had ended.
        watchdog: for which cause the watchdog had to end it.
        killed: whether it had to be killed for one of these two.
        tail: the last of what it printed.
        ended_at: when its first process ended, on the monotonic clock.
    """

    return_code: int
    asked: bool = False
    asked_late: bool = False
    watchdog: Cause | None = None
    killed: bool = False
    tail: str = ""
    ended_at: float = 0.0

    @property
    def exit_code(self) -> int:
        """As a shell would report it."""
        return self.return_code if self.return_code >= 0 else SIGNAL_BASE - self.return_code


class Trainer:
    """One trainer from its start to the end of its last process.

    Args:
        inbox: holds SIGNALS.
        watchdog: says at a time for which cause the trainer has to be ended; None: nobody watches.
        asked: told at once when the trial is asked to end, says after how many seconds the trainer is to be killed;
            None: the one who asked will see to that.
    """

    def __init__(
        self,
        inbox: SignalInbox,
        watchdog: Callable[[float], Cause | None] | None,
        asked: Callable[[], float | None],
    ) -> None:
        self._inbox = inbox
        self._watchdog = watchdog
        self._on_asked = asked
        self._asked = self._asked_late = False
        self._verdict: Cause | None = None
        self._kill_at: float | None = None
        self._killed = False
        self._group = 0

    def run(self, argv: Sequence[str], environment: Mapping[str, str], tail: Tail) -> TrainerEnd:
        """Starts the trainer and waits for its end; an OSError when it cannot be started."""
        adopt_orphans()
        with guarded() as guardian:
            process = subprocess.Popen(
                argv, start_new_session=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            assert process.stdout is not None  # noqa: S101 - both are pipes, as asked for above
            assert process.stderr is not None  # noqa: S101
            self._group = process.pid
            guardian.watch(process.pid)
            with process.stdout, process.stderr:
                relays = [Relay(process.stdout.fileno(), 1, tail), Relay(process.stderr.fileno(), 2, tail)]
                # Popen did not see the child end; without this it would ask the system about a stranger's pid.
                process.returncode = self._wait_for_first_process(guardian)
                ended_at, asked = time.monotonic(), self._asked
                self._wait_for_the_rest(guardian)
                for relay in relays:
                    relay.finish(_OUTPUT_SECONDS)
        return TrainerEnd(
            process.returncode, asked, self._asked_late, self._verdict, self._killed, tail.text(), ended_at
        )

    def _wait_for_first_process(self, guardian: Guardian) -> int:
        while self._group not in (ended := reap()):
            self._take_signals(self._patience())
            self._judge()
            self._kill_late(guardian)
        return ended[self._group]

    def _patience(self) -> float | None:
        if self._kill_at is not None:
            return _TICK_SECONDS
        return None if self._watchdog is None or self._asked else _WATCH_SECONDS

    def _take_signals(self, seconds: float | None) -> None:
        if ENDING_SIGNALS.isdisjoint(self._pass_on_signals(seconds)) or self._asked:
            return
        self._asked = True
        patience = self._on_asked()
        if patience is not None:
            self._kill_at = min(time.monotonic() + patience, self._kill_at or math.inf)

    def _pass_on_signals(self, seconds: float | None) -> list[signal.Signals]:
        signals = self._inbox.wait(seconds)
        for signum in signals:
            if signum in _PASSED_ON:
                send_group(self._group, signum)
        return signals

    def _judge(self) -> None:
        """A trainer that was asked to end has its time from the one who asked."""
        if self._watchdog is None or self._asked or self._verdict is not None:
            return
        self._verdict = self._watchdog(time.monotonic())
        if self._verdict is not None:
            send_group(self._group, signal.SIGTERM)
            self._kill_at = time.monotonic() + TERM_SECONDS

    def _kill_late(self, guardian: Guardian) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._killed = True
            send_group(self._group, signal.SIGKILL)
            send(self._rest(guardian), signal.SIGKILL)

    def _wait_for_the_rest(self, guardian: Guardian) -> None:
        """After an end of its own a trainer's other processes have little time, else what is left of the trainer's.

        Who has got SIGTERM with the group is saving, and does not get it twice.
        """
        told = self._asked
        term_at = time.monotonic() + _SETTLE_SECONDS
        if not told and self._verdict is None:
            self._kill_at = term_at + TERM_SECONDS
        while rest := self._rest(guardian):
            now = time.monotonic()
            if self._kill_at is not None and now >= self._kill_at:
                send(rest, signal.SIGKILL)
            elif not told and now >= term_at:
                send([pid for pid in rest if self._verdict is None or rest[pid] != self._group], signal.SIGTERM)
                told = True
            if not ENDING_SIGNALS.isdisjoint(self._pass_on_signals(_TICK_SECONDS)):
                self._asked_late = not self._asked
            reap()
        if not told:
            # Where there is no process table this is all that can be done.
            send_group(self._group, signal.SIGTERM)

    def _rest(self, guardian: Guardian) -> dict[int, int]:
        """What is left of the trainer: its processes, each with its group."""
        found = descendants(os.getpid(), process_table())
        return {process.pid: process.group for process in found if process.alive and process.pid != guardian.pid}
