"""A node without containers: runs the agents and searches of a namespace's pods as processes of this machine.

A control plane alone has no kubelet, so its pods stay pending. This one binds them to a node of its own, starts the
real program with the pod's environment, and writes what a kubelet would write about it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from kube_client import Kube, KubeAnswerError
from pod_processes import Machine, PodProcess
from wandbsweep.controller.kube_api import core_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Object = dict[str, Any]

_LOOK_EVERY_SECONDS = 0.2
_HEARTBEAT_EVERY_SECONDS = 10.0
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_OURS = ("PodScheduled", "Initialized", "ContainersReady", "Ready")


def install_runtime(folder: Path) -> Path:
    """What the init container of every agent pod does; once is enough for one machine."""
    subprocess.run([sys.executable, "-m", "wandbsweep", "install", str(folder)], check=True, timeout=60)
    return folder


@dataclass
class Node:
    """Plays the kubelet for one namespace until it is stopped; a namespace may have several, each with its name."""

    kube: Kube
    namespace: str
    machine: Machine
    name: str
    room: int | None = None  # how many agents it takes at a time
    errors: list[BaseException] = field(default_factory=list)
    _agents: dict[str, PodProcess] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _bound: set[str] = field(default_factory=set)  # here, and not started yet
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def path(self) -> str:
        return f"/api/v1/nodes/{self.name}"

    def join(self) -> None:
        """A node that the scheduler leaves alone: pods are bound to it here."""
        labels = {"kubernetes.io/hostname": self.name}
        metadata = {"name": self.name, "labels": labels}
        self.kube.create("/api/v1/nodes", {"metadata": metadata, "spec": {"unschedulable": True}})
        self.kube.create(_LEASES, {"metadata": {"name": self.name}, "spec": self._lease()})
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now()}
        self.kube.patch(f"{self.path}/status", {"status": {"conditions": [ready]}})

    def leave(self) -> None:
        self._kill_all()
        self.kube.delete(f"{_LEASES}/{self.name}")
        self.kube.delete(self.path)

    def lose(self) -> None:
        """The power fails: everything on the node ends, and nobody says so."""
        self._end.set()
        self._kill_all()

    def kill_for_memory(self, pod_name: str) -> None:
        """The kernel kills the container of this pod as a whole."""
        agent = next(agent for agent in self._agents.values() if agent.home.name == pod_name)
        agent.oom_killed = True
        agent.kill()

    def process_of(self, pod_name: str) -> PodProcess | None:
        """The process of a pod that was started here."""
        return next((agent for agent in self._agents.values() if agent.home.name == pod_name), None)

    def run(self) -> None:
        """Looks after the pods again and again; whatever goes wrong is kept for the test to see."""
        heartbeat_at = 0.0
        while not self._end.is_set():
            try:
                if time.monotonic() >= heartbeat_at:
                    self.kube.patch(f"{_LEASES}/{self.name}", {"spec": self._lease()})
                    heartbeat_at = time.monotonic() + _HEARTBEAT_EVERY_SECONDS
                pods = self.kube.items(core_path(self.namespace, "pods"))
            except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
                self.errors.append(error)
                pods = []
            here = {pod["metadata"]["uid"] for pod in pods if pod["spec"].get("nodeName") == self.name}
            self._bound = here - self._agents.keys()
            for pod in pods:
                self._try_to_look_after(pod)
            self._end.wait(_LOOK_EVERY_SECONDS)

    def stop(self) -> None:
        self._end.set()

    def _try_to_look_after(self, pod: Object) -> None:
        try:
            self._look_after(pod)
        except KubeAnswerError as error:
            if error.status not in {404, 409}:  # the pod went away or changed meanwhile
                self.errors.append(error)
        except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
            self.errors.append(error)

    def _look_after(self, pod: Object) -> None:
        uid, deleting = pod["metadata"]["uid"], "deletionTimestamp" in pod["metadata"]
        if self._end.is_set() or pod["spec"].get("nodeName", self.name) != self.name:
            return
        agent = self._agents.get(uid)
        if uid in self._told or (agent is None and deleting):
            if deleting:
                self._forget(pod)
        elif agent is None:
            self._take(pod)
        elif agent.exit_code is not None:
            agent.kill()  # what the agent left behind goes with its container
            self._tell_of_end(pod, agent, agent.exit_code)
        else:
            agent.show(pod)
            if not deleting and agent.ready != _is_ready(pod):
                self._write_status(pod, "Running", agent)
            if deleting:
                agent.terminate(pod["metadata"].get("deletionGracePeriodSeconds", 30))

    @property
    def _is_full(self) -> bool:
        living = sum(agent.exit_code is None for agent in self._agents.values())
        return self.room is not None and living + len(self._bound - self._agents.keys()) >= self.room

    def _take(self, pod: Object) -> None:
        if "nodeName" in pod["spec"]:
            agent = self.machine.start(pod, _now())
            self._agents[pod["metadata"]["uid"]] = agent
            self._write_status(pod, "Running", agent)
        elif not _keeps_away(pod, self.name) and not self._is_full:
            target = {"apiVersion": "v1", "kind": "Node", "name": self.name}
            binding = {"metadata": {"name": pod["metadata"]["name"]}, "target": target}
            self.kube.create(f"{self._of(pod)}/binding", binding)
            self._bound.add(pod["metadata"]["uid"])

    def _tell_of_end(self, pod: Object, agent: PodProcess, code: int) -> None:
        end = {
            "exitCode": code,
            "reason": "OOMKilled" if agent.oom_killed else "Error" if code else "Completed",
            "message": agent.last_words,
            "startedAt": agent.started_at,
            "finishedAt": _now(),
        }
        phase = "Failed" if code else "Succeeded"
        self._write_status(pod, phase, agent, end)
        self._told.add(pod["metadata"]["uid"])

    def _forget(self, pod: Object) -> None:
        """The kubelet's last act: the object of a pod whose containers are gone."""
        self.kube.delete(self._of(pod), gracePeriodSeconds=0, preconditions={"uid": pod["metadata"]["uid"]})

    def _write_status(self, pod: Object, phase: str, agent: PodProcess, end: Object | None = None) -> None:
        ready = end is None and agent.ready
        state = {"terminated": end} if end else {"running": {"startedAt": agent.started_at}}
        container, stands = pod["spec"]["containers"][0], str(ready)
        kinds = dict(zip(_OURS, ("True", "True", stands, stands), strict=True))
        others = [c for c in pod.get("status", {}).get("conditions", []) if c["type"] not in _OURS]
        ours = [{"type": kind, "status": holds, "lastTransitionTime": _now()} for kind, holds in kinds.items()]
        words = {"name": container["name"], "image": container["image"], "imageID": "none", "restartCount": 0}
        status = {
            "phase": phase,
            "startTime": agent.started_at,
            "conditions": [*others, *ours],
            "containerStatuses": [{**words, "ready": ready, "state": state}],
        }
        self.kube.patch(f"{self._of(pod)}/status", {"status": status})

    def _of(self, pod: Object) -> str:
        return core_path(self.namespace, "pods", pod["metadata"]["name"])

    def _lease(self) -> Object:
        renewed = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": renewed}

    def _kill_all(self) -> None:
        for agent in list(self._agents.values()):
            agent.kill()
            agent.process.wait()


@contextmanager
def running_node(
    kube: Kube,
    namespace: str,
    runtime: Path,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    name: str = "node",
) -> Iterator[Node]:
    """A node for the length of a block; what it could not do is raised at its end.

    `environment` is laid over that of each pod. Another `name` makes another node of the same namespace.
    """
    folder.mkdir(parents=True, exist_ok=True)
    machine = Machine(kube, runtime, folder, environment or {})
    node = Node(kube, namespace, machine, f"{name}-of-{namespace}")
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


def _keeps_away(pod: Object, name: str) -> bool:
    """Whether the pod's required node affinity rules this node out by its name."""
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
    return bool(terms) and all(
        any(rule["operator"] == "NotIn" and name in rule["values"] for rule in _rules(term)) for term in terms
    )


def _rules(term: Object) -> list[Object]:
    return [*term.get("matchExpressions", []), *term.get("matchFields", [])]


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
