from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from postgresql import Postgresql, is_installed, running_postgresql
from servers import RunningServer, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CREATE = """mutation($config: String, $project: String, $description: String) {
  upsertSweep(input: {config: $config, projectName: $project, description: $description}) {
    sweep { id name project { name entity { name } } } configValidationWarnings } }"""
AGENT = """mutation($sweep: String!, $project: String) {
  createAgent(input: {host: "h", sweep: $sweep, projectName: $project}) { agent { id } } }"""
HEARTBEAT = "mutation($id: ID!, $state: JSONString) { agentHeartbeat(input: {id: $id, runState: $state}) { commands } }"
START = """mutation($project: String, $run: String, $sweep: String, $config: JSONString) {
  upsertBucket(input: {modelName: $project, name: $run, sweep: $sweep, config: $config, host: "h"}) {
    bucket { id name state } inserted } }"""
ENQUEUE = """mutation EnqueueSweepRun($id: ID!, $config: JSONString!, $name: String) {
  enqueueSweepRun(input: {id: $id, config: $config, displayName: $name}) { id runQueueItemId } }"""
STOP = "mutation StopRun($id: ID!) { stopRun(input: {id: $id}) { success } }"
STATE = """mutation($id: ID, $project: String, $state: String) {
  upsertSweep(input: {id: $id, projectName: $project, state: $state}) { sweep { state } } }"""
SWEEP = """query($project: String, $sweep: String!) { project(name: $project) { sweep(sweepName: $sweep) {
  id state runCount runCountExpected bestLoss runs { edges { node { id name state config exitcode } } } } } }"""


@dataclass
class Lab:
    """Sweeps on one server, driven the way an agent and a trainer would over HTTP, without waiting for their clocks."""

    server: RunningServer
    project: str = field(default_factory=lambda: "p" + uuid.uuid4().hex[:8])

    def create(self, definition: dict[str, Any], description: str | None = None) -> str:
        text = yaml.safe_dump(definition)
        variables = {"config": text, "project": self.project, "description": description}
        return self.server.graphql(CREATE, variables)["upsertSweep"]["sweep"]["name"]

    def agent(self, sweep: str) -> str:
        answer = self.server.graphql(AGENT, {"sweep": sweep, "project": self.project})
        return answer["createAgent"]["agent"]["id"]

    def heartbeat(self, agent: str, *living: str) -> list[dict[str, Any]]:
        state = json.dumps(dict.fromkeys(living, True))
        return json.loads(self.server.graphql(HEARTBEAT, {"id": agent, "state": state})["agentHeartbeat"]["commands"])

    def next_run(self, agent: str) -> str:
        (command,) = self.heartbeat(agent)
        assert command["type"] in ("run", "resume"), command
        return command["run_id"]

    def start(self, run: str, sweep: str | None = None, config: dict[str, Any] | None = None) -> str:
        variables = {
            "project": self.project,
            "run": run,
            "sweep": sweep,
            "config": json.dumps(config) if config else None,
        }
        return self.server.graphql(START, variables)["upsertBucket"]["bucket"]["id"]

    def stream(self, run: str, body: dict[str, Any]) -> dict[str, Any]:
        status, answer = self.server.post(f"/files/{self.server.entity}/{self.project}/{run}/file_stream", body)
        assert status == 200, answer
        return answer

    def log(self, run: str, rows: list[dict[str, Any]], *, offset: int = 0) -> dict[str, Any]:
        lines = [json.dumps({"_step": offset + index, **row}) for index, row in enumerate(rows)]
        summary = {"wandb-summary.json": {"offset": 0, "content": [lines[-1]]}} if lines else {}
        return self.stream(run, {"files": {"wandb-history.jsonl": {"offset": offset, "content": lines}, **summary}})

    def finish(self, run: str, exitcode: int = 0) -> dict[str, Any]:
        return self.stream(run, {"complete": True, "exitcode": exitcode})

    def enqueue(self, sweep: str, config: dict[str, Any], name: str | None = None) -> str:
        variables = {"id": self.sweep(sweep)["id"], "config": json.dumps(config), "name": name}
        return self.server.graphql(ENQUEUE, variables)["enqueueSweepRun"]["id"]

    def enqueue_status(self, identity: str, config: dict[str, Any] | None = None) -> int:
        """What HTTP says to one more run; `identity` is the sweep's node id."""
        variables = {"id": identity, "config": json.dumps(config or {"x": {"value": 1}}), "name": None}
        return self.server.post("/graphql", {"query": ENQUEUE, "variables": variables})[0]

    def stop(self, run_id: str) -> bool:
        return self.server.graphql(STOP, {"id": run_id})["stopRun"]["success"]

    def set_state(self, sweep: str, state: str) -> None:
        self.server.graphql(STATE, {"id": sweep, "project": self.project, "state": state})

    def sweep(self, sweep: str) -> dict[str, Any]:
        return self.server.graphql(SWEEP, {"project": self.project, "sweep": sweep})["project"]["sweep"]

    def state(self, sweep: str) -> str:
        return self.sweep(sweep)["state"]

    def runs(self, sweep: str) -> dict[str, str]:
        return {edge["node"]["name"]: edge["node"]["state"] for edge in self.sweep(sweep)["runs"]["edges"]}


@dataclass
class Bench:
    """The stock SDK in processes of its own, in a folder with a trainer."""

    lab: Lab
    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A session that was started in the background ignores Ctrl-C, and so would the trainers: W&B stops them by it.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def write(self, name: str, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def wandb(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(**self._call(("-m", "wandb", *arguments), environment), timeout=120, check=False)

    def python(self, code: str, **environment: str) -> Any:
        """What a script prints as JSON in its last line."""
        done = subprocess.run(**self._call(("-c", code), environment), timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])

    def agent(self, sweep: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        path = f"{self.lab.server.entity}/{self.lab.project}/{sweep}"
        process = subprocess.Popen(**self._call(("-m", "wandb", "agent", *arguments, path), environment))
        self.processes.append(process)
        return process

    def scheduler(self, sweep: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """W&B's local scheduler, which looks at its runs every five seconds and no faster."""
        path = f"{self.lab.server.entity}/{self.lab.project}/{sweep}"
        flags = ("sweep-scheduler", "--poll-interval", "5", *arguments, path)
        environment = {"WANDB_SILENT": "false", **environment}
        process = subprocess.Popen(**self._call(("-m", "wandb", *flags), environment))
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def _call(self, arguments: tuple[str, ...], environment: dict[str, str]) -> dict[str, Any]:
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = self.lab.server.environment(
            WANDB_PROJECT=self.lab.project, WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL="1", **environment
        )
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        return {
            "args": [sys.executable, *arguments],
            "cwd": self.folder,
            "env": environment,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }


def wait_for(condition: Callable[[], Any], *, seconds: float = 100.0, what: str = "") -> Any:
    """The first true value of a condition."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what or 'the condition'} was not met within {seconds} s")


# What these test lies in SQL, which each database speaks in its own way.
ON_BOTH_DATABASES = {
    "test_dispatch",
    "test_enqueue",
    "test_filestream",
    "test_filters",
    "test_graphql",
    "test_history",
    "test_pages",
    "test_preemption",
    "test_records",
    "test_search",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition(".")[2] in ON_BOTH_DATABASES
        databases = ["sqlite", "postgresql"] if both else ["sqlite"]
        metafunc.parametrize("server", databases, indirect=True, scope="session")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    if not is_installed():
        pytest.skip("the `dev` extra of this environment is out of date: PostgreSQL or its driver is missing")
    with running_postgresql() as running:
        yield running


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    options = {"stop_grace": "2"}
    if getattr(request, "param", "sqlite") == "postgresql":
        options["database_url"] = request.getfixturevalue("postgresql").database()
    with running_server(tmp_path_factory.mktemp("server"), **options) as running:
        yield running


@pytest.fixture
def lab(server: RunningServer) -> Lab:
    return Lab(server)


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    return wait_for


@pytest.fixture(scope="session")
def new_lab() -> type[Lab]:
    return Lab


@pytest.fixture(scope="session")
def new_bench() -> type[Bench]:
    return Bench
