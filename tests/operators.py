"""The real operator in a process of its own, as a Deployment would run it; it can be killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from ports import reserved_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPERATOR = Path(__file__).parent.parent / "operator"
_STARTS_WITHIN_SECONDS = 90.0
_ENDS_WITHIN_SECONDS = 15.0


@dataclass
class RunningOperator:
    """`wandbsweep operator` on a port of the loopback interface."""

    folder: Path
    kubeconfig: Path
    wandb_url: str
    namespaces: tuple[str, ...]
    options: tuple[str, ...]
    port: int
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        return self.folder / "operator.log"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def memory_mib(self) -> float:
        """Resident memory of the process now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def start(self) -> None:
        """Starts the process and returns once it watches."""
        flags = ["--wandb-base-url", self.wandb_url, "--runtime-image", "test", "--http-address"]
        names = [part for namespace in self.namespaces for part in ("--namespace", namespace)]
        command = [sys.executable, "-m", "wandbsweep", "operator", *flags, f"127.0.0.1:{self.port}", *names]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
        environment |= {"KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": str(_OPERATOR), **self.environment}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen([*command, *self.options], env=environment, stdout=log, stderr=log)
        self._wait_until_it_watches()

    def kill(self) -> None:
        """SIGKILL, as a node failure or the kernel would. The process is gone when this returns."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as Kubernetes would."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """A new process, whether the old one still runs or not."""
        self.stop()
        self.start()

    def fetch(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return str(answer.read().decode())

    def metrics(self) -> dict[str, float]:
        """The samples of /metrics by name and labels, such as `wandbsweep_sweeps{phase=Running}`."""
        samples = {}
        for family in text_string_to_metric_families(self.fetch("/metrics")):
            for sample in family.samples:
                marks = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                samples[f"{sample.name}{{{marks}}}" if marks else sample.name] = sample.value
        return samples

    def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the operator outlived {number.name} by {_ENDS_WITHIN_SECONDS} s") from None

    def _wait_until_it_watches(self) -> None:
        process = self.process
        assert process is not None
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise AssertionError(f"the operator ended with {process.returncode}:\n{self.log}")
            try:
                self.fetch("/healthz")
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the operator did not watch within {_STARTS_WITHIN_SECONDS} s:\n{self.log}")


@contextmanager
def running_operator(
    folder: Path,
    kubeconfig: Path,
    wandb_url: str,
    *namespaces: str,
    options: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[RunningOperator]:
    """An operator for the length of a block, which may kill and restart it."""
    folder.mkdir(parents=True, exist_ok=True)
    with reserved_port() as port:
        operator = RunningOperator(folder, kubeconfig, wandb_url, namespaces, options, port, environment or {})
        operator.start()
        try:
            yield operator
        finally:
            operator.stop()
