"""The agents of a sweep: the texts that ask for them and for their newest runs, and the reading of the answers.

A sweep keeps every agent it ever had, so they are listed first, and only those that matter are asked for their runs.
Of each agent two runs are asked for: the one that came into being last, and the one that was heard last. They differ
when the agent was handed a run that is older than another one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wandbsweep.tracking.answer_fields import a_moment_or_none, a_text, an_object, an_object_or_none, nodes, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from wandbsweep.sweep.path import SweepPath

SWEEP_AGENTS = """
query GetSweepAgents($entity: String, $project: String, $sweep: String!) {
    project(name: $project, entityName: $entity) {
        sweep(sweepName: $sweep) {
            agents { edges { node { id name host heartbeatAt } } }
        }
    }
}
"""

AGENTS_PER_REQUEST = 50

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
_CURRENT = {"pending", "running", "preempting"}
_FRAGMENTS = """
fragment NewestRuns on Agent {
    newest: runs(first: 1, order: "-created_at") { edges { node { ...AgentRun } } }
    heard: runs(first: 1, order: "-heartbeat_at") { edges { node { ...AgentRun } } }
}
fragment AgentRun on Run { id name state tags createdAt heartbeatAt }
"""


@dataclass(frozen=True)
class Agent:
    """An agent as the list of them shows it; the key is what W&B's `agent(agentName:)` takes."""

    key: str
    host: str
    seen_at: datetime | None


@dataclass(frozen=True)
class AgentRun:
    """A run of an agent."""

    node_id: str
    run_id: str
    state: str
    tags: tuple[str, ...]
    created_at: datetime | None
    seen_at: datetime | None

    @property
    def is_current(self) -> bool:
        """Whether the agent is still at it, as far as W&B knows."""
        return self.state in _CURRENT

    @property
    def newness(self) -> tuple[bool, datetime, datetime]:
        """By which the newest of several runs is found: a current one, or else the one that was heard last."""
        return self.is_current, self.seen_at or _LONG_AGO, self.created_at or _LONG_AGO


def newest_agents(sweep: Mapping[str, Any], hosts: Collection[str] | None) -> list[Agent]:
    """One agent for each host, out of a sweep with its agents: the one that was heard last.

    Raises:
        MalformedAnswerError: a field is missing or of the wrong kind.
    """
    newest: dict[str, Agent] = {}
    for node in nodes(an_object(sweep, "agents")):
        host = a_text(node, "host")
        if hosts is not None and host not in hosts:
            continue
        key = str(node.get("name") or "") or a_text(node, "id")
        agent = Agent(key, host, a_moment_or_none(node, "heartbeatAt"))
        if host not in newest or (agent.seen_at or _LONG_AGO) >= (newest[host].seen_at or _LONG_AGO):
            newest[host] = agent
    return list(newest.values())


def runs_request(path: SweepPath, agents: Sequence[Agent]) -> tuple[str, dict[str, Any]]:
    """Return the text and the variables of one request for the newest runs of some agents."""
    names = [f"a{position}" for position in range(len(agents))]
    variables = {"entity": path.entity, "project": path.project, "sweep": path.sweep_id}
    declarations = "".join(f", ${name}: String!" for name in names)
    selections = "\n".join(f"            {name}: agent(agentName: ${name}) {{ ...NewestRuns }}" for name in names)
    text = f"""
query GetAgentRuns($entity: String, $project: String, $sweep: String!{declarations}) {{
    project(name: $project, entityName: $entity) {{
        sweep(sweepName: $sweep) {{
{selections}
        }}
    }}
}}{_FRAGMENTS}"""
    return text, variables | {name: agent.key for name, agent in zip(names, agents, strict=True)}


def parse_runs(sweep: Mapping[str, Any], agents: Sequence[Agent]) -> list[tuple[Agent, list[AgentRun]]]:
    """Each agent with its runs, out of the answer to `runs_request`; none for an agent that is gone.

    Raises:
        MalformedAnswerError: a field is missing or of the wrong kind.
    """
    found = []
    for position, agent in enumerate(agents):
        fields = an_object_or_none(sweep, f"a{position}")
        both = [] if fields is None else [*nodes(an_object(fields, "newest")), *nodes(an_object(fields, "heard"))]
        found.append((agent, [_run(node) for node in both]))
    return found


def newest_run(runs: Iterable[AgentRun]) -> AgentRun | None:
    """The run that the agent is at; when it is at none, the last one that it was at."""
    return max(runs, key=lambda run: run.newness, default=None)


def _run(node: Mapping[str, Any]) -> AgentRun:
    return AgentRun(
        node_id=a_text(node, "id"),
        run_id=a_text(node, "name"),
        state=a_text(node, "state").lower(),
        tags=texts(node, "tags"),
        created_at=a_moment_or_none(node, "createdAt"),
        seen_at=a_moment_or_none(node, "heartbeatAt"),
    )
