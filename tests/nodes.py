"""A node without containers: runs the agents of a namespace's pods as processes of this machine.

A control plane alone has no kubelet, so its pods stay pending. This one binds them to a node of its own, starts the
real agent runtime with the pod's environment, and writes what a kubelet would write about it.
"""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kube_client import Kube, KubeAnswerError
from wandbsweep.controller.kube_api import core_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Object = dict[str, Any]

_LOOK_EVERY_SECONDS = 0.2
_HEARTBEAT_EVERY_SECONDS = 10.0
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def install_runtime(folder: Path) -> Path:
    """What the init container of every agent pod does; once is enough for one machine."""
    subprocess.run([sys.executable, "-m", "wandbsweep", "install", str(folder)], check=True, timeout=60)
    return folder


@dataclass
class _Agent:
    """The process that stands for a pod's first container."""

    process: subprocess.Popen[bytes]
    last_words: Path
    started_at: str
    kill_at: float | None = None


@dataclass
class Node:
    """Plays the kubelet for one namespace until it is stopped. `environment` is laid over that of each pod."""

    kube: Kube
    namespace: str
    runtime: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)
    _agents: dict[str, _Agent] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        return f"node-of-{self.namespace}"

    @property
    def path(self) -> str:
        return f"/api/v1/nodes/{self.name}"

    def join(self) -> None:
        """A node that the scheduler leaves alone: pods are bound to it here."""
        self.kube.create("/api/v1/nodes", {"metadata": {"name": self.name}, "spec": {"unschedulable": True}})
        self.kube.create(_LEASES, {"metadata": {"name": self.name}, "spec": self._lease()})
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now()}
        self.kube.patch(f"{self.path}/status", {"status": {"conditions": [ready]}})

    def leave(self) -> None:
        for agent in self._agents.values():
            _signal(agent.process, signal.SIGKILL)
            agent.process.wait()
        self.kube.delete(f"{_LEASES}/{self.name}")
        self.kube.delete(self.path)

    def run(self) -> None:
        """Looks after the pods again and again; whatever goes wrong is kept for the test to see."""
        heartbeat_at = 0.0
        while not self._end.is_set():
            try:
                if time.monotonic() >= heartbeat_at:
                    self.kube.patch(f"{_LEASES}/{self.name}", {"spec": self._lease()})
                    heartbeat_at = time.monotonic() + _HEARTBEAT_EVERY_SECONDS
                for pod in self.kube.items(core_path(self.namespace, "pods")):
                    self._look_after(pod)
            except KubeAnswerError as error:
                if error.status not in {404, 409}:  # the pod went away or changed meanwhile
                    self.errors.append(error)
            except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
                self.errors.append(error)
            self._end.wait(_LOOK_EVERY_SECONDS)

    def stop(self) -> None:
        self._end.set()

    def _look_after(self, pod: Object) -> None:
        uid, deleting = pod["metadata"]["uid"], "deletionTimestamp" in pod["metadata"]
        agent = self._agents.get(uid)
        if uid in self._told:
            if deleting:
                self._forget(pod)
        elif agent is None:
            if deleting:
                self._forget(pod)
            elif "nodeName" not in pod["spec"]:
                self._bind(pod)
            else:
                self._start(pod)
        elif agent.process.poll() is not None:
            _signal(agent.process, signal.SIGKILL)  # what the agent left behind goes with its container
            self._tell_of_end(pod, agent)
        elif deleting:
            self._terminate(pod, agent)

    def _bind(self, pod: Object) -> None:
        target = {"apiVersion": "v1", "kind": "Node", "name": self.name}
        self.kube.create(f"{self._of(pod)}/binding", {"metadata": {"name": pod["metadata"]["name"]}, "target": target})

    def _start(self, pod: Object) -> None:
        home = self.folder / pod["metadata"]["name"]
        home.mkdir(parents=True)
        last_words = home / "termination-log"
        last_words.touch()
        own = {
            "WANDBSWEEP_HOME": str(home),
            "WANDBSWEEP_TERMINATION_LOG": str(last_words),
            "WANDBSWEEP_PYTHON": sys.executable,
            "HOME": str(home),
            "WANDB_DIR": str(home),
            "WANDB_DISABLE_GIT": "true",
            "WANDB_X_DISABLE_STATS": "true",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        }
        container = pod["spec"]["containers"][0]
        environment = {**self._variables(container), **own, **self.environment}
        program = container["command"][0].replace("/wandbsweep/", f"{self.runtime}/", 1)
        with (home / "agent.log").open("wb") as log:
            process = subprocess.Popen(
                [program], env=environment, cwd=home, stdout=log, stderr=log, start_new_session=True
            )
        agent = _Agent(process, last_words, _now())
        self._agents[pod["metadata"]["uid"]] = agent
        state = {"running": {"startedAt": agent.started_at}}
        self._write_status(pod, "Running", state, ready=True, started_at=agent.started_at)

    def _variables(self, container: Object) -> dict[str, str]:
        variables = {}
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                secret = self.kube.get(core_path(self.namespace, "secrets", reference["name"]))
                variables[variable["name"]] = base64.b64decode(secret["data"][reference["key"]]).decode()
            else:
                variables[variable["name"]] = variable.get("value", "")
        return variables

    def _terminate(self, pod: Object, agent: _Agent) -> None:
        now = time.monotonic()
        if agent.kill_at is None:
            agent.kill_at = now + pod["metadata"].get("deletionGracePeriodSeconds", 30)
            agent.process.terminate()
        elif now > agent.kill_at:
            _signal(agent.process, signal.SIGKILL)

    def _tell_of_end(self, pod: Object, agent: _Agent) -> None:
        code = agent.process.returncode
        code = 128 - code if code < 0 else code
        end = {
            "exitCode": code,
            "reason": "Error" if code else "Completed",
            "message": agent.last_words.read_text(errors="replace"),
            "startedAt": agent.started_at,
            "finishedAt": _now(),
        }
        phase = "Failed" if code else "Succeeded"
        self._write_status(pod, phase, {"terminated": end}, ready=False, started_at=agent.started_at)
        self._told.add(pod["metadata"]["uid"])

    def _forget(self, pod: Object) -> None:
        """The kubelet's last act: the object of a pod whose containers are gone."""
        self.kube.delete(self._of(pod), gracePeriodSeconds=0, preconditions={"uid": pod["metadata"]["uid"]})

    def _write_status(self, pod: Object, phase: str, state: Object, *, ready: bool, started_at: str) -> None:
        container = pod["spec"]["containers"][0]
        stands = "True" if ready else "False"
        kinds = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": stands, "Ready": stands}
        status = {
            "phase": phase,
            "startTime": started_at,
            "conditions": [
                {"type": kind, "status": holds, "lastTransitionTime": _now()} for kind, holds in kinds.items()
            ],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "none",
                    "ready": ready,
                    "restartCount": 0,
                    "state": state,
                }
            ],
        }
        self.kube.patch(f"{self._of(pod)}/status", {"status": status})

    def _of(self, pod: Object) -> str:
        return core_path(self.namespace, "pods", pod["metadata"]["name"])

    def _lease(self) -> Object:
        renewed = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": renewed}


@contextmanager
def running_node(
    kube: Kube, namespace: str, runtime: Path, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Node]:
    """A node for the length of a block; what it could not do is raised at its end."""
    node = Node(kube, namespace, runtime, folder, environment or {})
    node.join()
    thread = threading.Thread(target=node.run, name=node.name, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.stop()
        thread.join(30)
        node.leave()
    if node.errors:
        raise AssertionError(f"the node could not look after its pods: {node.errors}")


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
