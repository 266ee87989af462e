"""Builders of real processes for the agent's tests: an installed runtime, programs, and a bounded wait."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from servers import RunningServer, running_server
from wandbsweep.agent.install import install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_AGENT = """mutation($sweep: String!, $project: String) {
    createAgent(input: {host: "h", sweep: $sweep, projectName: $project}) { agent { id } } }"""
_HEARTBEAT = 'mutation($id: ID!) { agentHeartbeat(input: {id: $id, runState: "{}"}) { commands } }'
_RUN = """query($project: String, $run: String!) {
    project(name: $project) { run(name: $run) {
        state tags historyLineCount displayName summaryMetrics history config } } }"""

SOURCES = Path(__file__).parents[3] / "operator"


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `wandbsweep install` makes, as it is mounted in an agent's container."""
    folder = tmp_path_factory.mktemp("runtime")
    install(folder)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A W&B server for the stock agents of one module."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A container's environment: nothing of this machine but where programs are, and a key for W&B."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "WANDBSWEEP_HOME": str(home),
        "WANDBSWEEP_TERMINATION_LOG": str(tmp_path / "termination-log"),
        "WANDB_API_KEY": "k" * 40,
    }


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Polls until the condition holds; fails with its name when it never does."""

    def wait(condition: Callable[[], object], timeout: float = 15.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout} s: {condition}"
            time.sleep(0.02)

    return wait


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """Writes an executable file; Python unless another interpreter is named."""

    def write(name: str, text: str, interpreter: str = sys.executable) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{interpreter}\n{text}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes with their output in tmp_path/stdout and stderr; none outlives the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[object], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with (tmp_path / "stdout").open("ab") as out, (tmp_path / "stderr").open("ab") as err:
            process = subprocess.Popen(
                [str(word) for word in command],
                env=env,
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Container:
    """An agent's container: its main process, and what it left to read."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, termination_log: Path) -> None:
        self.process = process
        self.send = process.send_signal
        self._folder = folder
        self._termination_log = termination_log
        self._stopped_at = 0.0

    def ready_pid(self) -> int | None:
        """The process that wrote its number into the file `ready`, once it has."""
        path = self._folder / "ready"
        return int(path.read_text()) if path.exists() and path.read_text() else None

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> None:
        self._stopped_at = time.monotonic()
        self.send(signum)

    def exit_code(self, timeout: float = 30) -> int:
        return self.process.wait(timeout)

    def seconds_to_end(self) -> float:
        self.process.wait(30)
        return time.monotonic() - self._stopped_at

    @property
    def last_words(self) -> dict[str, Any]:
        """The termination message."""
        words: dict[str, Any] = json.loads(self._termination_log.read_text())
        return words

    @property
    def log(self) -> str:
        """As `kubectl logs` would show it, first one stream, then the other."""
        return (self._folder / "stdout").read_text() + (self._folder / "stderr").read_text()


@pytest.fixture
def observe(tmp_path: Path, environ: dict[str, str]) -> Callable[[subprocess.Popen[bytes]], Container]:
    """A process of `spawn` as the container whose main process it is."""
    return lambda process: Container(process, tmp_path, Path(environ["WANDBSWEEP_TERMINATION_LOG"]))


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Whether a process runs; a zombie does not."""

    def check(pid: int) -> bool:
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        return text.rpartition(")")[2].split()[0] not in {"Z", "X"}

    return check


@dataclass
class Handed:
    """A run that W&B handed out, on its way through a trial."""

    server: RunningServer
    project: str
    run_id: str
    environ: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def on_wandb(self) -> dict[str, Any]:
        """The run as the server has it."""
        variables = {"project": self.project, "run": self.run_id}
        run: dict[str, Any] = self.server.graphql(_RUN, variables)["project"]["run"]
        return run

    @property
    def record(self) -> dict[str, Any]:
        """What the trial recorded for its agent."""
        path = Path(self.environ["WANDBSWEEP_HOME"]) / "outcomes" / f"{self.run_id}.json"
        record: dict[str, Any] = json.loads(path.read_text())
        return record

    @property
    def states(self) -> list[str]:
        """The states that the run came to when a process of it had its last word, in their order."""
        left = re.compile(rf"run {re.escape(self.run_id)}: \w+ -> (\w+)")
        return left.findall(self.server.log)


@pytest.fixture
def handed(server: RunningServer, environ: dict[str, str], tmp_path: Path) -> Handed:
    """A run of a new sweep, as an agent gets it, and the environment of its trial."""
    project = "p" + uuid.uuid4().hex[:8]
    config = {
        "method": "grid",
        "metric": {"name": "reward", "goal": "maximize"},
        "parameters": {"lr": {"values": [1, 2]}},
        "program": "train.py",
    }
    sweep = server.create_sweep(project, yaml.safe_dump(config)).rpartition("/")[2]
    agent = server.graphql(_AGENT, {"sweep": sweep, "project": project})["createAgent"]["agent"]["id"]
    (command,) = json.loads(server.graphql(_HEARTBEAT, {"id": agent})["agentHeartbeat"]["commands"])
    environ.update(
        server.environment(
            WANDB_ENTITY=server.entity,
            WANDB_PROJECT=project,
            WANDB_SWEEP_ID=sweep,
            WANDB_RUN_ID=command["run_id"],
            WANDB_RESUME="allow",
            WANDB_DIR=str(tmp_path),
            WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL="1",
            WANDBSWEEP_METRIC="reward",
            WANDBSWEEP_NODE="gpu-7",
            WANDBSWEEP_GRACE_SECONDS="30",
        )
    )
    return Handed(server, project, command["run_id"], environ)
