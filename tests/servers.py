"""A real tracking server in a process of its own, for every test that needs W&B."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ports import reserved_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

API_KEY = "0123456789abcdef0123456789abcdef01234567"
ENTITY = "wandbsweep"

_OPERATOR = Path(__file__).parent.parent / "operator"
_STARTS_WITHIN_SECONDS = 30.0
_ENDS_WITHIN_SECONDS = 10.0
_CREATE_SWEEP = """
mutation UpsertSweep($config: String, $entityName: String, $projectName: String) {
    upsertSweep(input: {config: $config, entityName: $entityName, projectName: $projectName}) { sweep { name } }
}
"""


@dataclass
class RunningServer:
    """`wandbsweep server` on a port of the loopback interface, with its own folder."""

    folder: Path
    port: int
    options: Mapping[str, str] = field(default_factory=dict)
    api_key: str = API_KEY
    entity: str = ENTITY
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def environment(self, **more: str) -> dict[str, str]:
        """Environment for a process that uses the wandb SDK with this server and with nothing of the caller's."""
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
        settings = {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": self.api_key,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_SILENT": "true",
            "WANDB_X_DISABLE_STATS": "true",
            "WANDB_DISABLE_GIT": "true",
            "WANDB_DIR": str(home),
            "HOME": str(home),
        }
        return kept | settings | more

    def start(self) -> None:
        """Starts the process and returns once it answers."""
        flags = {"data-dir": str(self.folder / "data"), "port": str(self.port), **self.options}
        arguments = [part for name, value in flags.items() for part in (f"--{name}", value)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
        environment |= {"WANDBSWEEP_SERVER_API_KEY": self.api_key, "PYTHONPATH": str(_OPERATOR)}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "wandbsweep", "server", *arguments], env=environment, stdout=log, stderr=log
            )
        self._wait_until_it_answers()

    def kill(self) -> None:
        """SIGKILL, as a node failure or the kernel would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as Kubernetes would."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """On the same port with the same data, whether it still runs or not."""
        self.stop()
        self.start()

    def post(self, path: str, body: Any, *, api_key: str | None = None) -> tuple[int, Any]:
        """One JSON request; status and decoded answer."""
        credentials = base64.b64encode(f"api:{api_key or self.api_key}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=json.dumps(body).encode(), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def graphql(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The data of a GraphQL request that must succeed."""
        status, answer = self.post(
            "/graphql", {"query": query, "variables": dict(variables or {}), "operationName": ""}
        )
        if status != 200:
            raise AssertionError(f"{status}: {answer}")
        return answer["data"]

    def create_sweep(self, project: str, config: str) -> str:
        """Creates a sweep of this config, YAML text; its path."""
        variables = {"config": config, "entityName": self.entity, "projectName": project}
        name = self.graphql(_CREATE_SWEEP, variables)["upsertSweep"]["sweep"]["name"]
        return f"{self.entity}/{project}/{name}"

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(_ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _wait_until_it_answers(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log}")
            try:
                with urllib.request.urlopen(self.url + "/healthz", timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"the server did not answer within {_STARTS_WITHIN_SECONDS} s:\n{self.log}")


@contextmanager
def running_server(folder: Path, **options: str) -> Iterator[RunningServer]:
    """A server for the length of a block. Options are its flags, with underscores: `run_timeout="2"`."""
    folder.mkdir(parents=True, exist_ok=True)
    with reserved_port() as port:
        server = RunningServer(folder, port, {name.replace("_", "-"): value for name, value in options.items()})
        server.start()
        try:
            yield server
        finally:
            server.stop()
