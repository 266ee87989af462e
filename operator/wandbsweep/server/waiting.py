"""Runs that wait for an agent: how many may come, which goes first, and what becomes of them when the sweep is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_

from wandbsweep.server.errors import BadRequestError, TooManyRunsError
from wandbsweep.server.json_text import read_object, strict_json, write_json
from wandbsweep.server.store import runs, sweeps
from wandbsweep.server.store.names import new_name
from wandbsweep.server.store.tables import runs as run_table
from wandbsweep.sweep.rendering.launch import TRIAL_NOTE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy import Connection

    from wandbsweep.server.store.runs import Run
    from wandbsweep.server.store.sweeps import Sweep

# A scheduler replaces these, so they are no part of what its sweep may have.
REPLACED = (runs.FAILED, runs.CRASHED)
_LONGEST_NAME = 256


def counted(sweep: Sweep, counts: Mapping[str, int]) -> int:
    """How many of a sweep's runs count towards its run cap, given how many there are in each state."""
    return sum(number for state, number in counts.items() if not (sweep.searched_elsewhere and state in REPLACED))


def is_full(connection: Connection, sweep: Sweep) -> bool:
    """Whether the run cap allows for no more runs."""
    return sweep.run_cap is not None and counted(sweep, runs.count_by_state(connection, sweep.id)) >= sweep.run_cap


def enqueue(connection: Connection, sweep: Sweep, config: str, name: str | None, *, now: float) -> Run:
    """A run that a search outside of this server asks for."""
    if sweep.state in sweeps.OVER:
        raise TooManyRunsError(f"sweep {sweep.name} is {sweep.state.lower()}: it takes no more runs")
    if is_full(connection, sweep):
        raise TooManyRunsError(f"sweep {sweep.name} has as many runs as its run_cap of {sweep.run_cap} allows")
    if name is not None and len(name) > _LONGEST_NAME:
        raise BadRequestError(f"displayName is longer than {_LONGEST_NAME} characters")
    sampled = _wire(config)
    return add(connection, sweep, sampled, name or _noted_name(sampled), now=now)


def add(
    connection: Connection, sweep: Sweep, sampled: Mapping[str, Any], name: str | None = None, *, now: float
) -> Run:
    """A pending run with these parameters, in wire form."""
    text = strict_json(write_json(sampled), "the parameters")
    number = runs.count(connection, run_table.c.sweep_id == sweep.id) + 1
    return runs.add(
        connection,
        sweep.project_id,
        new_name(),
        now=now,
        sweep_id=sweep.id,
        state=runs.PENDING,
        config=text,
        sampled=text,
        display_name=name or f"{sweep.display_name or sweep.name}-{number}",
    )


def first(connection: Connection, sweep: Sweep) -> Run | None:
    """The run that the next agent gets: one that was preempted, else the one that came first."""
    queued = and_(
        run_table.c.sweep_id == sweep.id,
        run_table.c.agent_id.is_(None),
        run_table.c.sampled.is_not(None),
        run_table.c.state.in_((runs.PREEMPTED, runs.PENDING)),
    )
    pending_last = run_table.c.state == runs.PENDING
    return next(iter(runs.page(connection, queued, order=[pending_last], first=1)), None)


def end_all(connection: Connection, sweep: Sweep, *, now: float) -> None:
    """The sweep is over: what waits will never get an agent.

    A run that a scheduler enqueued and that never began is taken back, so that the sweep can be taken up again.
    """
    waiting = runs.in_states((runs.PENDING, runs.PREEMPTED), sweep_id=sweep.id) & run_table.c.agent_id.is_(None)
    if sweep.searched_elsewhere:
        runs.remove_where(connection, waiting & (run_table.c.state == runs.PENDING))
    runs.change_where(connection, waiting, state=runs.KILLED, updated_at=now)


def _noted_name(sampled: Mapping[str, Any]) -> str | None:
    """The name that a search of this house gives to a trial: the run shows it while it still waits."""
    note = sampled.get(TRIAL_NOTE, {}).get("value")
    name = note.get("name") if isinstance(note, dict) else None
    return name if isinstance(name, str) and name else None


def _wire(config: str) -> dict[str, Any]:
    """The parameters as agents get them; W&B's scheduler sends them so, users may leave the wrapping out."""
    given = read_object(config, "config")
    return {
        name: each if isinstance(each, dict) and "value" in each else {"value": each} for name, each in given.items()
    }
