"""Agents of a sweep without trainings: they take runs as W&B's agent does, and end them as the test says."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from servers import RunningServer

_AGENT = """mutation($sweep: String!, $project: String, $host: String!) {
  createAgent(input: {host: $host, sweep: $sweep, projectName: $project}) { agent { id } } }"""
_HEARTBEAT = """mutation($id: ID!, $state: JSONString) {
  agentHeartbeat(input: {id: $id, runState: $state}) { commands } }"""
_START = """mutation($project: String, $run: String, $sweep: String) {
  upsertBucket(input: {modelName: $project, name: $run, sweep: $sweep, host: "h"}) { bucket { id } } }"""
_RUNS = """query($project: String, $sweep: String!) { project(name: $project) { sweep(sweepName: $sweep) {
  state runs(first: 1000) { edges { node { name state config summaryMetrics tags } } } } } }"""

_BETWEEN_HEARTBEATS = 0.3


class QuickAgents:
    """Some agents of one sweep, each in a thread, from the block's begin to its end.

    Args:
        ends: the exit code and the summary of the n-th run that is started, from 0.
    """

    def __init__(
        self, server: RunningServer, path: str, agents: int, ends: Callable[[int], tuple[int, dict[str, Any]]]
    ) -> None:
        self._server = server
        _, self._project, self._sweep = path.split("/")
        self._ends = ends
        self._count = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(agents)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        place = {"sweep": self._sweep, "project": self._project}
        agent = self._server.graphql(_AGENT, {**place, "host": f"h{number}"})["createAgent"]["agent"]["id"]
        while not self._stop.wait(_BETWEEN_HEARTBEATS):
            answer = self._server.graphql(_HEARTBEAT, {"id": agent, "state": "{}"})["agentHeartbeat"]
            for command in json.loads(answer["commands"]):
                if command["type"] in ("run", "resume"):
                    self._train(command["run_id"])
                if command["type"] == "exit":
                    return

    def _train(self, run: str) -> None:
        with self._lock:
            code, summary = self._ends(self._count)
            self._count += 1
        self._server.graphql(_START, {"project": self._project, "run": run, "sweep": self._sweep})
        files = {"wandb-summary.json": {"offset": 0, "content": [json.dumps(summary)]}}
        body = {"files": files, "complete": True, "exitcode": code}
        status, answer = self._server.post(f"/files/{self._server.entity}/{self._project}/{run}/file_stream", body)
        assert status == 200, answer


def runs_of(server: RunningServer, path: str) -> list[dict[str, Any]]:
    """The runs of a sweep; values in their configs are plain."""
    _, project, sweep = path.split("/")
    found = server.graphql(_RUNS, {"project": project, "sweep": sweep})["project"]["sweep"]["runs"]["edges"]
    runs = [edge["node"] for edge in found]
    for run in runs:
        run["config"] = {
            key: each["value"] for key, each in json.loads(run["config"]).items() if not key.startswith("_")
        }
        run["summary"] = json.loads(run["summaryMetrics"] or "{}")
    return runs


def state_of(server: RunningServer, path: str) -> str:
    _, project, sweep = path.split("/")
    return str(server.graphql(_RUNS, {"project": project, "sweep": sweep})["project"]["sweep"]["state"])
