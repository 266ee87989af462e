"""The life of sweeps and runs: each function is one transition, applied within the caller's transaction."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_

from wandbsweep.server import waiting
from wandbsweep.server.errors import BadRequestError
from wandbsweep.server.liveness import Verdict
from wandbsweep.server.store import runs, sweeps
from wandbsweep.server.store.tables import runs as run_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wandbsweep.server.store.runs import Run
    from wandbsweep.server.store.sweeps import Sweep

_log = logging.getLogger(__name__)

_ASKED_FOR = (sweeps.RUNNING, sweeps.PAUSED, sweeps.FINISHED, sweeps.CANCELED)


def set_sweep_state(connection: Connection, sweep: Sweep, state: str, *, now: float) -> None:
    """What a user asks for: stop is FINISHED, cancel is CANCELED, resume is RUNNING."""
    if state not in _ASKED_FOR:
        raise BadRequestError(f"sweep state {state!r} cannot be set: use one of {', '.join(_ASKED_FOR)}")
    if state == sweep.state:
        return
    _enter(connection, sweep, state, now=now)
    if state == sweeps.CANCELED:
        running = and_(runs.in_states(runs.ALIVE, sweep_id=sweep.id), run_table.c.stop_requested_at.is_(None))
        runs.change_where(connection, running, stop_requested_at=now)
    settle(connection, sweep.id, now=now)


def give_up(connection: Connection, sweep: Sweep, reason: str, *, now: float) -> None:
    """The sweep cannot go on; its agents are sent home and the reason is shown to users."""
    sweeps.change(connection, sweep.id, error=reason)
    _enter(connection, sweep, sweeps.CRASHED, now=now)


def settle(connection: Connection, sweep_id: int | None, *, now: float) -> Sweep | None:
    """Finishes a sweep that has nothing left to propose and nothing left to wait for."""
    sweep = sweeps.get(connection, sweep_id) if sweep_id is not None else None
    if sweep is None or sweep.state not in sweeps.HANDING_OUT:
        return sweep
    counts = runs.count_by_state(connection, sweep.id)
    if any(counts.get(state) for state in runs.UNFINISHED):
        return sweep
    # A search elsewhere knows itself when a grid is through: points that failed may be tried again.
    expected = sweep.run_cap if sweep.searched_elsewhere else sweep.expected_runs
    if not (sweep.exhausted or (expected is not None and waiting.counted(sweep, counts) >= expected)):
        return sweep
    _enter(connection, sweep, sweeps.FINISHED, now=now)
    return sweeps.get(connection, sweep.id)


def is_replaced(connection: Connection, run: Run) -> bool:
    """Whether the place of a run that had failed was given to another: it does not come back then.

    A scheduler replaces what fails, so whoever lets such a run go on when the cap is reached has one run too many.
    """
    if run.sweep_id is None or run.state not in waiting.REPLACED:
        return False
    sweep = sweeps.get(connection, run.sweep_id)
    return sweep is not None and sweep.searched_elsewhere and waiting.is_full(connection, sweep)


def preempting(connection: Connection, run: Run) -> dict[str, Any]:
    """What it changes about a run that its machine has to go.

    A run that was given up for its silence ends like this after all. Of one that ended by its machine's fault the last
    word may have come before this one: it is not failed, and goes into the queue of its sweep if that goes on.
    """
    if run.state in (*runs.ALIVE, runs.CRASHED):
        return {"state": runs.PREEMPTING}
    sweep = sweeps.get(connection, run.sweep_id) if run.sweep_id is not None else None
    if run.state == runs.FAILED and run.sampled is not None and sweep is not None and sweep.state not in sweeps.OVER:
        _log.info("run %s: %s -> %s", run.name, run.state, runs.PREEMPTED)
        return {"state": runs.PREEMPTED, "agent_id": None}
    return {}


def end_run(connection: Connection, run: Run, exitcode: int, *, now: float) -> None:
    """The run's own last word."""
    if exitcode == 0:
        state = runs.FINISHED
    elif run.stop_requested_at is not None:
        state = runs.KILLED
    elif run.state in (runs.PREEMPTING, runs.PREEMPTED):
        state = runs.PREEMPTED
    else:
        state = runs.FAILED
    _leave(connection, run, state, exitcode=exitcode, now=now)


def apply_verdict(connection: Connection, run: Run, verdict: Verdict, *, now: float) -> None:
    """Records what was concluded about a run that said nothing itself."""
    if verdict is Verdict.HAND_TO_ANOTHER:
        _leave(connection, run, runs.PENDING, exitcode=None, now=now)
    elif verdict in (Verdict.CRASHED, Verdict.KILLED, Verdict.PREEMPTED):
        _leave(connection, run, verdict.value, exitcode=None, now=now)


def request_stop(connection: Connection, run: Run, *, now: float) -> None:
    """Asks a run to stop: first through its own stream, then through its agent. One that waits for an agent is over."""
    if run.agent_id is None and run.state in (runs.PENDING, runs.PREEMPTED):
        _leave(connection, run, runs.KILLED, exitcode=None, now=now)
    elif run.state in runs.ALIVE and run.stop_requested_at is None:
        runs.change(connection, run.id, stop_requested_at=now)


def _enter(connection: Connection, sweep: Sweep, state: str, *, now: float) -> None:
    _log.info("sweep %s: %s -> %s", sweep.name, sweep.state, state)
    sweeps.change(connection, sweep.id, state=state, updated_at=now)
    if state in sweeps.OVER:
        waiting.end_all(connection, sweep, now=now)


def _leave(connection: Connection, run: Run, state: str, *, exitcode: int | None, now: float) -> None:
    """The run's process has ended; a run that goes back into the queue has no agent until it is handed out again."""
    sweep = sweeps.get(connection, run.sweep_id) if run.sweep_id is not None else None
    queued = state in (runs.PENDING, runs.PREEMPTED)
    if queued and sweep is not None and sweep.state in sweeps.OVER:
        if sweep.searched_elsewhere and state == runs.PENDING:
            _log.info("run %s: %s -> taken back", run.name, run.state)
            runs.remove(connection, run.id)
            return
        state, queued = runs.KILLED, False
    _log.info("run %s: %s -> %s", run.name, run.state, state)
    runs.change(
        connection,
        run.id,
        state=state,
        exitcode=exitcode,
        agent_id=None if queued else run.agent_id,
        updated_at=now,
    )
    settle(connection, run.sweep_id, now=now)
