"""Agents: registration, heartbeats, and what is told about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ariadne import MutationType, ObjectType

from wandbsweep.server import dispatch
from wandbsweep.server.errors import ConflictError, NotFoundError
from wandbsweep.server.filters import run_order
from wandbsweep.server.json_text import read_object, write_json
from wandbsweep.server.liveness import agent_is_gone
from wandbsweep.server.resolvers.request import connection_page, iso, node_id, number_of
from wandbsweep.server.resolvers.sweeps import find_sweep
from wandbsweep.server.store import agents, runs, sweeps
from wandbsweep.server.store.tables import runs as run_table
from wandbsweep.server.tenancy import is_in

if TYPE_CHECKING:
    from wandbsweep.server.resolvers.request import Info
    from wandbsweep.server.store.agents import Agent
    from wandbsweep.server.store.sweeps import Sweep

mutation = MutationType()
sweep = ObjectType("Sweep")
agent = ObjectType("Agent")


@mutation.field("createAgent")
def _create_agent(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    found = find_sweep(
        request.connection,
        request,
        input["sweep"],
        entity=input.get("entityName"),
        project=input.get("projectName"),
    )
    if found.state in sweeps.OVER:
        raise ConflictError(f"sweep {found.name} is {found.state.lower()}: it has no more runs to hand out")
    return {"agent": dispatch.register(request.server, found, input["host"])}


@mutation.field("agentHeartbeat")
def _heartbeat(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    number = number_of("Agent", input["id"])
    found = agents.get(request.connection, number) if number is not None else None
    owner = sweeps.get(request.connection, found.sweep_id) if found else None
    if found is None or owner is None or not is_in(request.connection, owner.project_id, request.user):
        raise NotFoundError("no such agent: its sweep does not exist any more")
    run_state = read_object(input.get("runState") or "{}", "runState")
    commands = dispatch.heartbeat(request.server, found.id, dispatch.living_runs(run_state))
    return {"agent": agents.get(request.connection, found.id), "commands": write_json(commands)}


@sweep.field("agents")
def _agents(owner: Sweep, info: Info, *, after: str | None = None, first: int | None = None) -> dict[str, Any]:
    connection = info.context.connection
    return connection_page(
        lambda offset, limit: agents.of_sweep(connection, owner.id, after=offset, first=limit),
        after=after,
        first=first,
    )


@sweep.field("agent")
def _agent(owner: Sweep, info: Info, agentName: str) -> Agent | None:  # noqa: N803 - W&B's name
    connection = info.context.connection
    number = number_of("Agent", agentName)
    found = agents.get(connection, number) if number is not None else agents.find(connection, owner.id, agentName)
    return found if found is not None and found.sweep_id == owner.id else None


@agent.field("id")
def _id(owner: Agent, _: Info) -> str:
    return node_id("Agent", owner.id)


@agent.field("state")
def _state(owner: Agent, info: Info) -> str:
    """Agents do not say goodbye: one that is silent has crashed if it left a run behind, and is done otherwise."""
    request = info.context
    server = request.server
    if owner.told_to_exit:
        return "FINISHED"
    silent = agent_is_gone(
        owner.heartbeat_at, now=request.now, listening_since=server.listening.since, timeouts=server.timeouts
    )
    if not silent:
        return "RUNNING"
    return "CRASHED" if runs.unfinished_of_agent(request.connection, owner.id) else "FINISHED"


@agent.field("totalRuns")
def _total_runs(owner: Agent, info: Info) -> int:
    return runs.count(info.context.connection, run_table.c.agent_id == owner.id)


@agent.field("createdAt")
def _created_at(owner: Agent, _: Info) -> str | None:
    return iso(owner.created_at)


@agent.field("heartbeatAt")
def _heartbeat_at(owner: Agent, _: Info) -> str | None:
    return iso(owner.heartbeat_at)


@agent.field("runs")
def _runs(
    owner: Agent,
    info: Info,
    *,
    after: str | None = None,
    before: str | None = None,  # noqa: ARG001 - the SDK declares it and never sets it
    first: int | None = None,
    last: int | None = None,  # noqa: ARG001 - the SDK declares it and never sets it
    order: str | None = None,
) -> dict[str, Any]:
    connection = info.context.connection
    chosen = run_table.c.agent_id == owner.id
    return connection_page(
        lambda offset, limit: runs.page(connection, chosen, order=run_order(order), after=offset, first=limit),
        after=after,
        first=first,
    )


BINDINGS = (mutation, sweep, agent)
