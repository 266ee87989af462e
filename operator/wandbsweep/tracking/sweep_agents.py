"""What the agents of a sweep are at, and a last word on a run whose agent can say nothing any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from wandbsweep.tracking import documents
from wandbsweep.tracking.agent_reads import (
    AGENTS_PER_REQUEST,
    SWEEP_AGENTS,
    Agent,
    AgentRun,
    newest_agents,
    newest_run,
    parse_runs,
    runs_request,
)
from wandbsweep.tracking.protocol import AgentView
from wandbsweep.tracking.sweep_changes import in_place, refusal, sweep_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.graphql_client import Answer, GraphQLClient
    from wandbsweep.tracking.protocol import Account

    _Ask = Callable[[str, Mapping[str, Any]], Awaitable[Answer]]

_NOT_TO_BE_TAGGED = {"finished", "preempted"}
"""States of runs that ended well, or that wait for another agent: the end of a container says nothing about them."""


async def read_agents(
    client: GraphQLClient, account: Account, path: SweepPath, hosts: Collection[str] | None
) -> tuple[AgentView, ...]:
    """See SweepTracker."""

    async def ask(text: str, variables: Mapping[str, Any]) -> Answer:
        return await client.ask(account, text, variables)

    return tuple(_view(agent, runs) for agent, runs in await _agents_with_runs(ask, account, path, hosts))


async def tag_current_run(
    client: GraphQLClient,
    account: Account,
    path: SweepPath,
    host: str,
    tags: Sequence[str],
    *,
    ended_before: datetime,
    ending: Collection[str],
) -> str | None:
    """See SweepTracker; `ending` are the tags of which a run has at most one."""

    async def act(deadline: float) -> tuple[str | None, Answer | None]:
        async def ask(text: str, variables: Mapping[str, Any]) -> Answer:
            return await client.send(account, text, variables, deadline)

        found = await _agents_with_runs(ask, account, path, {host})
        run = newest_run(each for _, runs in found for each in runs if not _is_later(each, ended_before))
        if run is None or run.state in _NOT_TO_BE_TAGGED or (set(ending) - set(tags)).intersection(run.tags):
            return None, None
        if set(tags) <= set(run.tags):
            return run.run_id, None
        change = {"id": run.node_id, "tags": list(dict.fromkeys([*run.tags, *tags]))}
        return run.run_id, await client.send(account, documents.TAG_RUN, change, deadline, fresh_connection=True)

    run_id, answer = await client.insist(act)
    if answer is not None and answer.problems:
        raise refusal(account, answer, f"tag run {run_id} of sweep {path}", path)
    return run_id


async def _agents_with_runs(
    ask: _Ask, account: Account, path: SweepPath, hosts: Collection[str] | None
) -> list[tuple[Agent, list[AgentRun]]]:
    what = f"list the agents of sweep {path}"
    listed = sweep_of(account, await ask(SWEEP_AGENTS, in_place(path)), what, path)
    agents = newest_agents(listed, hosts)
    batches = [agents[i : i + AGENTS_PER_REQUEST] for i in range(0, len(agents), AGENTS_PER_REQUEST)]
    answers = await asyncio.gather(*(ask(*runs_request(path, batch)) for batch in batches))
    return [
        each
        for batch, answer in zip(batches, answers, strict=True)
        for each in parse_runs(sweep_of(account, answer, what, path), batch)
    ]


def _view(agent: Agent, runs: Sequence[AgentRun]) -> AgentView:
    run = newest_run(runs)
    if run is None or not run.is_current:
        return AgentView(agent.host, agent.seen_at)
    return AgentView(agent.host, agent.seen_at, run.run_id, run.created_at)


def _is_later(run: AgentRun, moment: datetime) -> bool:
    return run.created_at is not None and run.created_at > moment
