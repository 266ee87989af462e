"""An agent's heartbeat becomes its next command.

A heartbeat names the runs whose processes live. What it does not name any more has ended. An agent without a living
process is given a run: one whose start it never heard of, one that waits to be resumed, or a new proposal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select

from wandbsweep.server import lifecycle, waiting
from wandbsweep.server.errors import NotFoundError
from wandbsweep.server.json_text import read_json
from wandbsweep.server.liveness import Signs, Verdict, judge_absence
from wandbsweep.server.search import SearchError, Trial, metric_value
from wandbsweep.server.store import agents, runs, sweeps
from wandbsweep.server.store.tables import runs as run_table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

    from wandbsweep.server.context import Server
    from wandbsweep.server.store.agents import Agent
    from wandbsweep.server.store.runs import Run
    from wandbsweep.server.store.sweeps import Sweep

Command = dict[str, Any]

_EXIT: Command = {"type": "exit"}
# A slow proposal for another agent of the same sweep: better to answer "nothing yet" than to hold up other clients.
_PATIENCE_SECONDS = 2.0


def heartbeat(server: Server, agent_id: int, living: Collection[str]) -> list[Command]:
    """Commands for an agent whose child processes are those of the runs named in `living`."""
    now = server.now()
    with server.database.write() as connection:
        agent, sweep = _agent_of_sweep(connection, agent_id)
        agents.touch(connection, agent.id, now=now)
        sweeps.change(connection, sweep.id, heartbeat_at=now)
        unheard = _account_for_runs(connection, server, agent, living, now=now)
        sweep = sweeps.get(connection, sweep.id) or sweep
        if living:
            return _stops(connection, server, sweep, agent, living, now=now)
        if sweep.state in sweeps.OVER:
            for run in unheard:
                lifecycle.apply_verdict(connection, run, Verdict.HAND_TO_ANOTHER, now=now)
            agents.told_to_exit(connection, agent.id)
            return [_EXIT]
        if sweep.state not in sweeps.HANDING_OUT:
            return []
        if unheard:
            return [_hand_out(connection, sweep, agent, run, now=now) for run in unheard]
    return _next_run(server, agent, sweep.id)


def register(server: Server, sweep: Sweep, host: str) -> Agent:
    """A new agent of a sweep; it has no runs yet."""
    with server.database.write() as connection:
        return agents.add(connection, sweep.id, host, now=server.now())


def signs_of(run: Run, agent: Agent | None) -> Signs:
    """What liveness wants to know of a run."""
    return Signs(
        preempting=run.state == runs.PREEMPTING,
        stop_requested=run.stop_requested_at is not None,
        handed_at=run.handed_at,
        listed_at=run.listed_at,
        streamed_at=run.streamed_at,
        agent_heartbeat_at=agent.heartbeat_at if agent else None,
        deliveries=run.deliveries,
    )


def _agent_of_sweep(connection: Connection, agent_id: int) -> tuple[Agent, Sweep]:
    agent = agents.get(connection, agent_id)
    sweep = sweeps.get(connection, agent.sweep_id) if agent else None
    if agent is None or sweep is None:
        raise NotFoundError("this agent's sweep does not exist any more")
    return agent, sweep


def _account_for_runs(
    connection: Connection, server: Server, agent: Agent, living: Collection[str], *, now: float
) -> list[Run]:
    """Notes which of the agent's runs live and which have ended; returns those that it never heard of."""
    unheard = []
    for run in runs.unfinished_of_agent(connection, agent.id):
        if run.name in living:
            runs.change(connection, run.id, listed_at=now)
            continue
        verdict = judge_absence(signs_of(run, agent), now=now, listening_since=server.listening.since)
        if verdict is Verdict.DELIVER_AGAIN:
            unheard.append(run)
        else:
            lifecycle.apply_verdict(connection, run, verdict, now=now)
    return unheard


def _stops(
    connection: Connection, server: Server, sweep: Sweep, agent: Agent, living: Collection[str], *, now: float
) -> list[Command]:
    """Stop commands, repeated with every heartbeat until the process is gone: the agent counts on that to kill it."""
    named = and_(run_table.c.project_id == sweep.project_id, run_table.c.name.in_(tuple(living)))
    return [
        {"type": "stop", "run_id": run.name}
        for run in runs.page(connection, named)
        if _is_due_to_stop(run, agent, now=now, grace=server.settings.stop_grace)
    ]


def _is_due_to_stop(run: Run, agent: Agent, *, now: float, grace: float) -> bool:
    if run.agent_id not in (agent.id, None) and run.state in runs.ALIVE:
        return True  # it was given to another agent while this one was out of reach
    if run.stop_requested_at is None:
        return False
    hears_it_itself = run.state == runs.RUNNING and run.streamed_at is not None
    return not hears_it_itself or now - run.stop_requested_at >= grace


def _next_run(server: Server, agent: Agent, sweep_id: int) -> list[Command]:
    with server.locks.hold(sweep_id, patience=_PATIENCE_SECONDS) as held:
        if not held:
            return []
        with server.database.read() as connection:
            sweep = sweeps.get(connection, sweep_id)
            if sweep is None:
                raise NotFoundError("the sweep does not exist any more")
            closed = sweep.searched_elsewhere or waiting.is_full(connection, sweep)
            settled = closed or waiting.first(connection, sweep) is not None
            trials = [] if settled else _trials(connection, server, sweep)
        sampled, error = (None, None) if settled else _propose(server, sweep, trials)
        return _decide(server, agent, sweep_id, sampled=sampled, closed=closed, error=error)


def _propose(server: Server, sweep: Sweep, trials: list[Trial]) -> tuple[dict[str, Any] | None, str | None]:
    try:
        return server.search.propose(read_json(sweep.definition, "definition"), trials), None
    except SearchError as error:
        return None, str(error)


def _decide(
    server: Server,
    agent: Agent,
    sweep_id: int,
    *,
    sampled: dict[str, Any] | None,
    closed: bool,
    error: str | None,
) -> list[Command]:
    """Writes down what was found while nothing was locked but the sweep's queue, unless a user was quicker."""
    now = server.now()
    with server.database.write() as connection:
        sweep = sweeps.get(connection, sweep_id)
        if sweep is None:
            raise NotFoundError("the sweep does not exist any more")
        if error is not None:
            lifecycle.give_up(connection, sweep, error, now=now)
        elif sweep.state in sweeps.HANDING_OUT:
            run = waiting.first(connection, sweep)
            if run is None and sampled is not None:
                run = waiting.add(connection, sweep, sampled, now=now)
            if run is not None:
                return [_hand_out(connection, sweep, agent, run, now=now)]
            if not closed:
                sweeps.change(connection, sweep.id, exhausted=True)
        sweep = lifecycle.settle(connection, sweep_id, now=now) or sweep
        if sweep.state not in sweeps.OVER:
            return []
        agents.told_to_exit(connection, agent.id)
        return [_EXIT]


def _hand_out(connection: Connection, sweep: Sweep, agent: Agent, run: Run, *, now: float) -> Command:
    """The run now belongs to the agent, and starts from nothing known about its process."""
    runs.change(
        connection,
        run.id,
        agent_id=agent.id,
        state=runs.PENDING,
        resumed=run.resumed or run.state == runs.PREEMPTED,
        exitcode=None,
        deliveries=run.deliveries + 1 if run.state == runs.PENDING else 1,
        handed_at=now,
        listed_at=None,
        streamed_at=None,
        updated_at=now,
    )
    if sweep.state == sweeps.PENDING:
        sweeps.change(connection, sweep.id, state=sweeps.RUNNING, updated_at=now)
    definition = read_json(sweep.definition, "definition")
    return {
        "type": "resume" if run.resumed or run.state == runs.PREEMPTED else "run",
        "run_id": run.name,
        "program": str(definition.get("program") or ""),
        "args": read_json(run.sampled or run.config, "parameters"),
    }


def _trials(connection: Connection, server: Server, sweep: Sweep) -> list[Trial]:
    if not server.search.looks_at_runs(sweep.method):
        return []
    columns = run_table.c
    prior = read_json(sweep.prior_runs, "prior runs")
    belongs = or_(columns.sweep_id == sweep.id, and_(columns.project_id == sweep.project_id, columns.name.in_(prior)))
    query = select(
        columns.name,
        columns.state,
        func.coalesce(columns.sampled, columns.config),
        columns.summary,
        columns.metric_min,
        columns.metric_max,
    ).where(belongs)
    return [
        Trial(name, state, read_json(config, "parameters"), _known_values(sweep, summary, (low, high)))
        for name, state, config, summary, low, high in connection.execute(query.order_by(columns.id))
    ]


def _known_values(sweep: Sweep, summary: str, extremes: tuple[float | None, ...]) -> list[float]:
    if sweep.metric is None:
        return []
    last = metric_value(read_json(summary, "summary"), sweep.metric)
    return [value for value in (*extremes, last) if value is not None]


def living_runs(run_state: Mapping[str, Any]) -> list[str]:
    """The names in a heartbeat's `runState` whose processes live."""
    return [name for name, lives in run_state.items() if lives]
