"""Runs the W&B agent as PID 1 should: reaps orphans, passes SIGTERM on at once, and leaves nobody behind.

The W&B agent installs its signal handlers when it starts its first trial. Before that SIGTERM ends it; after that it
passes the signal to the trial and waits. Either way it gets the signal first, and is killed if it still lingers when
no trial is running. The loop wakes for signals only, until it is asked to stop: the place for a watchdog is its wait.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandbsweep.agent.drain import IDLE_SECONDS, DrainBudget
from wandbsweep.agent.process_table import Process, adopt_orphans, descendants, process_table, reap, send
from wandbsweep.agent.relay import Relay, Tail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.agent.signal_inbox import SignalInbox

SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})

_LEFTOVER_SECONDS = 5.0
"""How long processes may outlive the W&B agent when nobody asked it to end."""

_KILLED_SECONDS = 2.0
"""How long the kernel may take to carry out SIGKILL."""

_TICK_SECONDS = 0.1


@dataclass(frozen=True)
class AgentEnd:
    """How the W&B agent ended, and whether it was asked to."""

    return_code: int
    drained: bool
    tail: str


class Supervisor:
    """One W&B agent from start to end."""

    def __init__(self, inbox: SignalInbox, budget: DrainBudget) -> None:
        self._inbox = inbox
        self._budget = budget
        self._stop_at: float | None = None
        self._trial_seen_at = 0.0

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> AgentEnd:
        """Starts the W&B agent and returns when it and all that it started have ended."""
        adopt_orphans()
        tail = Tail()
        agent = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert agent.stdout is not None  # noqa: S101 - both are pipes, as asked for above
        assert agent.stderr is not None  # noqa: S101
        with agent.stdout, agent.stderr:
            relays = [Relay(agent.stdout.fileno(), 1, tail), Relay(agent.stderr.fileno(), 2, tail)]
            agent.returncode = self._wait_for(agent.pid)
            self._end_the_rest()
            for relay in relays:
                relay.finish(_KILLED_SECONDS)
        return AgentEnd(agent.returncode, self._stop_at is not None, tail.text())

    def _wait_for(self, agent: int) -> int:
        while True:
            ended = reap()
            if agent in ended:
                return ended[agent]
            self._take_signals(agent)
            if self._stop_at is not None:
                self._hurry(agent)

    def _take_signals(self, agent: int) -> None:
        """A repeated signal changes nothing: the time to end is counted from the first."""
        for signum in self._inbox.wait(None if self._stop_at is None else _TICK_SECONDS):
            if signum in _STOP_SIGNALS and self._stop_at is None:
                self._stop_at = self._trial_seen_at = time.monotonic()
                send([agent], signum)

    def _hurry(self, agent: int) -> None:
        now = time.monotonic()
        table = process_table()
        if _trials(agent, table):
            self._trial_seen_at = now
        if now >= self._kill_at():
            send([process.pid for process in descendants(os.getpid(), table)], signal.SIGKILL)
        elif now - self._trial_seen_at >= IDLE_SECONDS:
            send([agent], signal.SIGKILL)

    def _end_the_rest(self) -> None:
        """Orphans get SIGTERM once, as roots of what they started; after the time is over everything gets SIGKILL."""
        kill_at = time.monotonic() + _LEFTOVER_SECONDS if self._stop_at is None else self._kill_at()
        asked: set[int] = set()
        while rest := [process for process in descendants(os.getpid(), process_table()) if process.alive]:
            now = time.monotonic()
            if now >= kill_at + _KILLED_SECONDS:
                break
            if now >= kill_at:
                send([process.pid for process in rest], signal.SIGKILL)
            else:
                roots = {process.pid for process in rest if process.parent == os.getpid()}
                send(roots - asked, signal.SIGTERM)
                asked |= roots
            self._inbox.wait(_TICK_SECONDS)
            reap()
        reap()

    def _kill_at(self) -> float:
        return (self._stop_at or 0.0) + self._budget.kill_after


def _trials(agent: int, table: Sequence[Process]) -> list[Process]:
    """The W&B agent puts each trial into a process group of its own, but not into a session, as its own service is."""
    return [
        process
        for process in table
        if process.parent == agent and process.alive and process.group == process.pid != process.session
    ]
