"""A sweep on a real server, driven the way agents and trainers drive it, but without waiting for their clocks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servers import RunningServer
    from wandbsweep.sweep.path import SweepPath

_AGENT = """mutation($sweep: String!, $project: String, $host: String!) {
  createAgent(input: {host: $host, sweep: $sweep, projectName: $project}) { agent { id } } }"""
_HEARTBEAT = (
    "mutation($id: ID!, $state: JSONString) { agentHeartbeat(input: {id: $id, runState: $state}) { commands } }"
)
_START = """mutation($project: String, $run: String, $sweep: String, $tags: [String!]) {
  upsertBucket(input: {modelName: $project, name: $run, sweep: $sweep, host: "h", tags: $tags}) { inserted } }"""
_TAG = """mutation($project: String, $run: String, $tags: [String!]) {
  upsertBucket(input: {modelName: $project, name: $run, tags: $tags}) { inserted } }"""
_RUN = "query($project: String, $run: String!) { project(name: $project) { run(name: $run) { state tags } } }"
_STATE = (
    """query($project: String, $sweep: String!) { project(name: $project) { sweep(sweepName: $sweep) { state } } }"""
)


@dataclass
class SweepAtWork:
    """Agents are known by the IDs that the server gave them."""

    server: RunningServer
    path: SweepPath

    def agent(self, host: str) -> str:
        variables = {"sweep": self.path.sweep_id, "project": self.path.project, "host": host}
        return str(self.server.graphql(_AGENT, variables)["createAgent"]["agent"]["id"])

    def heartbeat(self, agent: str, *living: str) -> list[dict[str, Any]]:
        variables = {"id": agent, "state": json.dumps(dict.fromkeys(living, True))}
        commands: list[dict[str, Any]] = json.loads(
            self.server.graphql(_HEARTBEAT, variables)["agentHeartbeat"]["commands"]
        )
        return commands

    def next_run(self, agent: str) -> str:
        """The run that the agent is handed; its trainer is not started yet."""
        (command,) = self.heartbeat(agent)
        return str(command["run_id"])

    def begin(self, agent: str) -> str:
        """The agent is handed a run, and its trainer says that it begins."""
        run = self.next_run(agent)
        self.start(run)
        self.heartbeat(agent, run)
        return run

    def start(self, run: str, *tags: str) -> None:
        variables = {"project": self.path.project, "run": run, "sweep": self.path.sweep_id, "tags": list(tags)}
        self.server.graphql(_START, variables)

    def preempting(self, run: str) -> None:
        self._stream(run, {"preempting": True})

    def end(self, run: str, exit_code: int = 0, *tags: str) -> None:
        """The trainer's last word, and the tags that its launcher writes after it."""
        self._stream(run, {"complete": True, "exitcode": exit_code})
        if tags:
            self.tag(run, *tags)

    def tag(self, run: str, *tags: str) -> None:
        self.server.graphql(_TAG, {"project": self.path.project, "run": run, "tags": list(tags)})

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.graphql(_RUN, {"project": self.path.project, "run": run})["project"]["run"]
        return found

    @property
    def state(self) -> str:
        answer = self.server.graphql(_STATE, {"project": self.path.project, "sweep": self.path.sweep_id})
        return str(answer["project"]["sweep"]["state"])

    def _stream(self, run: str, body: dict[str, Any]) -> None:
        path = f"/files/{self.path.entity}/{self.path.project}/{run}/file_stream"
        status, answer = self.server.post(path, body)
        assert status == 200, answer
