"""Runs the W&B agent as PID 1 should: reaps orphans, passes SIGTERM on at once, and leaves nobody behind.

The W&B agent installs its signal handlers when it starts its first trial. Before that SIGTERM ends it; after that it
passes the signal to the trial and waits. Either way it gets the signal first, and is killed if it still lingers when
no trial is running. An agent that leaves between two trials gets the same signal, in the seconds in which it has not
yet noticed that its trial ended; if it was given another run meanwhile, that one is interrupted and goes to another.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandbsweep.agent import preemption
from wandbsweep.agent.drain import IDLE_SECONDS, DrainBudget
from wandbsweep.agent.living_trials import living_trials, reporter_of
from wandbsweep.agent.process_table import Process, adopt_orphans, descendants, process_table, reap, send
from wandbsweep.agent.relay import Relay, Tail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.agent.home import Home
    from wandbsweep.agent.leave import Leaving, Lookout
    from wandbsweep.agent.signal_inbox import SignalInbox

SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})

_LEFTOVER_SECONDS = 5.0
"""How long processes may outlive the W&B agent when nobody asked it to end."""

_KILLED_SECONDS = 2.0
"""How long the kernel may take to carry out SIGKILL."""

_WORKING_TICK_SECONDS = 1.0
_LEAVING_TICK_SECONDS = 0.2
_ENDING_TICK_SECONDS = 0.1


@dataclass(frozen=True)
class AgentEnd:
    """How the W&B agent ended.

    Attributes:
        return_code: its own; negative for a signal, as in subprocess.
        drained: whether a signal asked for it.
        leaving: why it was ended although there are runs left; None if it was not.
        interrupted: whether a trial was there to be interrupted.
        runs: those of the interrupted trials.
        tail: the last that it wrote.
    """

    return_code: int
    drained: bool
    leaving: Leaving | None
    interrupted: bool
    runs: frozenset[str]
    tail: str


class Supervisor:
    """One W&B agent from start to end."""

    def __init__(self, inbox: SignalInbox, budget: DrainBudget, home: Home, lookout: Lookout) -> None:
        self._inbox = inbox
        self._budget = budget
        self._home = home
        self._lookout = lookout
        self._leaving: Leaving | None = None
        self._drained = False
        self._interrupted = False
        self._stop_at: float | None = None
        self._trial_seen_at = 0.0
        self._asked_about: set[int] = set()
        self._runs: set[str] = set()

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
        leaving = None if self._stop_at is None else self._leaving
        runs = frozenset(self._runs)
        return AgentEnd(agent.returncode, self._drained, leaving, self._interrupted, runs, tail.text())

    def _wait_for(self, agent: int) -> int:
        while True:
            ended = reap()
            if agent in ended:
                return ended[agent]
            self._take_signals(agent)
            if self._stop_at is None:
                self._look_out(agent)
            else:
                self._hurry(agent)

    def _take_signals(self, agent: int) -> None:
        """A repeated signal changes nothing: the time to end is counted from the first."""
        for signum in self._inbox.wait(self._tick()):
            if signum in _STOP_SIGNALS and self._stop_at is None:
                self._drained = True
                self._stop(agent, signum)

    def _tick(self) -> float:
        if self._stop_at is not None:
            return _ENDING_TICK_SECONDS
        return _WORKING_TICK_SECONDS if self._leaving is None else _LEAVING_TICK_SECONDS

    def _look_out(self, agent: int) -> None:
        self._leaving = self._leaving or self._lookout.reason()
        if self._leaving is not None and not living_trials(agent, process_table()):
            self._stop(agent, signal.SIGTERM)

    def _stop(self, agent: int, signum: signal.Signals) -> None:
        """W&B hears of it before the trainer: one that ends at once would have failed otherwise."""
        self._stop_at = self._trial_seen_at = time.monotonic()
        preemption.announce(self._home)
        self._mark(living_trials(agent, process_table()))
        send([agent], signum)

    def _mark(self, trials: Sequence[Process]) -> None:
        self._interrupted = self._interrupted or bool(trials)
        new = [trial for trial in trials if trial.pid not in self._asked_about]
        self._asked_about |= {trial.pid for trial in new}
        reporters = [reporter for trial in new if (reporter := reporter_of(trial)) is not None]
        self._runs |= {reporter.run_id for reporter in reporters}
        if reporters:
            preemption.mark_runs(reporters)

    def _hurry(self, agent: int) -> None:
        now = time.monotonic()
        table = process_table()
        if trials := living_trials(agent, table):
            self._trial_seen_at = now
            self._mark(trials)
        if now >= self._kill_at():
            send([process.pid for process in descendants(os.getpid(), table)], signal.SIGKILL)
        elif now - self._trial_seen_at >= IDLE_SECONDS:
            send([agent], signal.SIGKILL)

    def _end_the_rest(self) -> None:
        """Orphans get SIGTERM once, as roots of what they started; after the time is over everything gets SIGKILL.

        A trial among them lost its W&B agent through no fault of its own: its run goes to another.
        """
        if self._stop_at is None:
            preemption.announce(self._home)
            has_trial = bool(living_trials(os.getpid(), process_table()))
            kill_at = time.monotonic() + (self._budget.kill_after if has_trial else _LEFTOVER_SECONDS)
        else:
            kill_at = self._kill_at()
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
            self._inbox.wait(_ENDING_TICK_SECONDS)
            reap()
        reap()

    def _kill_at(self) -> float:
        return (self._stop_at or 0.0) + self._budget.kill_after
