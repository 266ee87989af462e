"""What can go wrong in a cluster, to be chosen from by chance: processes killed, pods taken away, answers that fail.

A fault says what it did, or that there was nothing to hit. Whatever ends a trial without a warning is counted: no
system can finish a run whose process was killed, but it may lose no other.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installed import processes_of
from proxies import Call, Fate

if TYPE_CHECKING:
    from collections.abc import Callable

    from installed import Installed
    from proxies import Proxy

    Object = dict[str, Any]

_PAUSE_SECONDS = (2.0, 9.0)  # between two faults
_BAD_WEATHER_SECONDS = (1.0, 6.0)


@dataclass
class Storm:
    """Faults by chance, from one seed. `struck` tells what was hit, in order; `losses` bounds the runs it may cost."""

    seed: int
    installed: Installed
    namespace: str
    server: Proxy  # what operator, agents and trainers have in front of the W&B server
    program: str  # the trainer's script, by which its process is known
    logs: Path  # what operators said before they were killed
    struck: list[str] = field(default_factory=list)
    losses: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._began = time.monotonic()
        self._faults: dict[Callable[[], str | None], int] = {
            self.kill_operator: 3,
            self.kill_server: 2,
            self.kill_agent: 2,
            self.kill_trainer: 2,
            self.delete_pod: 3,
            self.delete_job: 1,
            self.evict_pod: 4,
            self.fail_answers: 5,
        }

    def rage(self, seconds: float) -> None:
        """One fault after another."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            fault = self._chance.choices(list(self._faults), list(self._faults.values()))[0]
            what = fault()
            at = time.monotonic() - self._began
            self.struck.append(f"{at:5.0f} s  {fault.__name__.replace('_', ' ')}: {what or 'nothing was there to hit'}")
            time.sleep(self._chance.uniform(*_PAUSE_SECONDS))
        self.server.lift()

    def kill_operator(self) -> str | None:
        return self._kill_installed("operator")

    def kill_server(self) -> str | None:
        return self._kill_installed("server")

    def kill_agent(self) -> str | None:
        """The first process of an agent's container, and so the container."""
        pod = self._any_pod()
        first = [pid for pid in processes_of(pod["metadata"]["uid"]) if _is_first(pid)] if pod else []
        return self._lose(pod, first)

    def kill_trainer(self) -> str | None:
        """The trainer alone, as the kernel does when memory ends."""
        pod = self._any_pod()
        trainers = [pid for pid in processes_of(pod["metadata"]["uid"]) if self._trains(pid)] if pod else []
        return self._lose(pod, trainers)

    def delete_pod(self) -> str | None:
        pod = self._any_pod()
        if pod:
            self._kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false", "--ignore-not-found")
        return pod and _name(pod)

    def delete_job(self) -> str | None:
        pod = self._any_pod()
        job = pod["metadata"]["labels"].get("job-name") if pod else None
        if job:
            self._kubectl("delete", "job", job, "--wait=false", "--ignore-not-found")
        return job

    def evict_pod(self) -> str | None:
        """As `kubectl drain` does."""
        pod = self._any_pod()
        if pod is None:
            return None
        metadata = {"name": _name(pod), "namespace": self.namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        path = f"/api/v1/namespaces/{self.namespace}/pods/{_name(pod)}/eviction"
        self.installed.cluster.try_kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))
        return _name(pod)

    def fail_answers(self) -> str:
        """For some seconds many of the server's answers fail, all in one way."""
        fates = [Fate.NEVER_SENT, Fate.ANSWER_LOST, Fate.SERVER_FAULT, Fate.TOO_MANY]
        fate, share = self._chance.choice(fates), self._chance.choice([0.2, 0.6, 1.0])
        seconds = self._chance.uniform(*_BAD_WEATHER_SECONDS)
        dice = random.Random(self._chance.random())

        def is_hit(_call: Call) -> bool:
            return dice.random() < share

        rule = self.server.rule(is_hit, fate, times=None)
        time.sleep(seconds)
        self.server.lift()
        return f"{fate.name}, {share:.0%} for {seconds:.1f} s, {rule.used} calls"

    def _kill_installed(self, component: str) -> str | None:
        """SIGKILL, and a fresh pod: the kubelet would restart the old one ever later."""
        pods = self.installed.pods_with(component)
        if not pods:
            return None
        name = _name(pods[0])
        said = self.installed.cluster.try_kubectl("-n", self.installed.namespace, "logs", name).stdout
        (self.logs / f"{component}-{len(self.struck)}.log").write_text(said)
        _kill(processes_of(pods[0]["metadata"]["uid"]))
        force = ("--force", "--grace-period=0", "--ignore-not-found")
        self.installed.cluster.kubectl("-n", self.installed.namespace, "delete", "pod", name, *force)
        return name

    def _any_pod(self) -> Object | None:
        """An agent's pod that runs and is not on its way out."""
        pods = self.installed.read_all(self.namespace, "pods", "--field-selector=status.phase=Running")
        going_on = sorted((pod for pod in pods if "deletionTimestamp" not in pod["metadata"]), key=_name)
        return self._chance.choice(going_on) if going_on else None

    def _lose(self, pod: Object | None, pids: list[int]) -> str | None:
        if pod is None or not pids:
            return None
        self.losses += 1
        _kill(pids)
        return f"{len(pids)} process in {_name(pod)}"

    def _trains(self, pid: int) -> bool:
        """Whether this is the script itself, and not a launcher that has it among its words."""
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            return len(words) > 1 and words[1] == self.program.encode()
        return False

    def _kubectl(self, *arguments: str) -> None:
        self.installed.cluster.kubectl("-n", self.namespace, *arguments)


def _name(body: Object) -> str:
    return str(body["metadata"]["name"])


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it went with the process before it
            os.kill(pid, signal.SIGKILL)


def _is_first(pid: int) -> bool:
    """Whether a process is number 1 in its own container."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        ids = next(line.split() for line in status.splitlines() if line.startswith("NSpid:"))
        return len(ids) > 2 and ids[-1] == "1"
    return False
