"""An installation of the product in a cluster, looked at from outside with kubectl, as a user would."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters import Cluster

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples/cartpole/sweep.yaml"


@dataclass(frozen=True)
class Installed:
    """The operator and the embedded server in `namespace`, and the server's API key."""

    cluster: Any
    namespace: str
    api_key: str
    helm: list[str]

    @property
    def server_url(self) -> str:
        """The embedded server; this machine reaches Services by their address."""
        service = self.read(self.namespace, "service", "wandbsweep-server")["spec"]
        return f"http://{service['clusterIP']}:{service['ports'][0]['port']}"

    @property
    def since(self) -> str:
        """When it was installed, as Kubernetes writes times."""
        return str(self.read(self.namespace, "deployment", "wandbsweep")["metadata"]["creationTimestamp"])

    def read(self, namespace: str, kind: str, name: str) -> dict[str, Any]:
        return json.loads(self.cluster.kubectl("-n", namespace, "get", kind, name, "-o", "json"))

    def read_all(self, namespace: str, kind: str, *options: str) -> list[dict[str, Any]]:
        return json.loads(self.cluster.kubectl("-n", namespace, "get", kind, "-o", "json", *options))["items"]

    def apply(self, namespace: str, manifest: dict[str, Any]) -> None:
        self.cluster.kubectl("-n", namespace, "apply", "-f", "-", input=yaml.safe_dump(manifest))

    def sweep(self, namespace: str, name: str = "cartpole") -> dict[str, Any]:
        """The status of a WandbSweep."""
        return self.read(namespace, "wandbsweep", name).get("status", {})

    def pods_of(self, namespace: str) -> list[str]:
        return [pod["metadata"]["name"] for pod in self.read_all(namespace, "pods")]

    def jobs_by_slot(self, namespace: str) -> list[str]:
        """The slots of all agent Jobs that are going, with repetitions."""
        jobs = self.read_all(namespace, "jobs", "-l", "wandbsweep.dev/slot")
        going = [job for job in jobs if not job.get("status", {}).get("conditions")]
        return sorted(job["metadata"]["labels"]["wandbsweep.dev/slot"] for job in going)

    def events(self, namespace: str, name: str = "cartpole") -> list[tuple[str, str]]:
        """Reason and message of every Event about a WandbSweep."""
        events = self.read_all(namespace, "events")
        return [(e["reason"], e["message"]) for e in events if e["involvedObject"]["name"] == name]

    def kill_operator(self) -> None:
        """SIGKILL to the operator, and a fresh pod for it: the kubelet would restart the old one ever later."""
        pod = self._kill("operator")
        name = pod["metadata"]["name"]
        self.cluster.kubectl("-n", self.namespace, "delete", "pod", name, "--force", "--grace-period=0")

    def kill_server(self) -> None:
        """SIGKILL to the embedded server; the kubelet restarts it with the data that its pod holds."""
        before = self._kill("server")
        until(
            lambda: _restarts(self._pod("server")) > _restarts(before),
            "the kubelet has restarted the server",
            seconds=60,
        )

    def pods_with(self, component: str) -> list[dict[str, Any]]:
        """The pods of the operator or of the server, but for those that are on their way out."""
        pods = self.read_all(self.namespace, "pods", "-l", f"app.kubernetes.io/component={component}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def _pod(self, component: str) -> dict[str, Any]:
        return self.pods_with(component)[0]

    def _kill(self, component: str) -> dict[str, Any]:
        until(lambda: processes_of(self._pod(component)["metadata"]["uid"]), f"the {component} runs", seconds=60)
        pod = self._pod(component)
        for pid in processes_of(pod["metadata"]["uid"]):
            with suppress(ProcessLookupError):  # it went with the process before it
                os.kill(pid, signal.SIGKILL)
        return pod


def install(cluster: Cluster, namespace: str, values: dict[str, str] | None = None) -> Installed:
    """The chart with its embedded server, of this tree, installed anew with these values besides."""
    helm = [_printed_by("hack/cluster", "path", "helm"), "--kubeconfig", str(cluster.kubeconfig)]
    repository, _, tag = _printed_by("hack/images", "reference", "operator").rpartition(":")
    own = {
        "image.repository": repository,
        "image.tag": tag,
        "server.enabled": "true",
        "server.persistence.enabled": "false",
        **(values or {}),
    }
    sets = [part for name, value in own.items() for part in ("--set", f"{name}={value}")]
    target = ["wandbsweep", "charts/wandbsweep", "--namespace", namespace, "--create-namespace"]
    subprocess.run([*helm, "uninstall", "wandbsweep", "-n", namespace, "--ignore-not-found", "--wait"], check=True)
    done = subprocess.run(
        [*helm, "upgrade", "--install", *target, *sets, "--wait", "--timeout", "4m"],
        cwd=ROOT,
        check=False,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr + cluster.kubectl("-n", namespace, "get", "pods,events")
    return as_installed(cluster, namespace)


@contextmanager
def a_namespace(installed: Installed) -> Iterator[str]:
    """A namespace of the strictest pod security, with the API key in it; deleted afterwards with all that it holds."""
    name = f"robots-{uuid.uuid4().hex[:8]}"
    kubectl = installed.cluster.kubectl
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    kubectl("-n", name, "create", "secret", "generic", "wandb-api-key", f"--from-literal=apiKey={installed.api_key}")
    try:
        yield name
    finally:
        kubectl("-n", name, "delete", "wandbsweeps", "--all", "--wait=true", "--timeout=120s")
        kubectl("delete", "namespace", name, "--wait=false")
    until(lambda: not installed.pods_of(name), "the namespace's pods are gone", seconds=120)


def as_installed(cluster: Cluster, namespace: str) -> Installed:
    """The installation that is there."""
    helm = [_printed_by("hack/cluster", "path", "helm"), "--kubeconfig", str(cluster.kubeconfig)]
    secret = cluster.get("secret", "wandb-api-key", "--namespace", namespace)
    return Installed(cluster, namespace, base64.b64decode(secret["data"]["apiKey"]).decode(), helm)


def _printed_by(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, check=True, text=True, capture_output=True)
    return done.stdout.strip()


def a_cartpole_sweep(**spec: Any) -> dict[str, Any]:
    """The example's manifest, with some fields of its spec changed."""
    manifest = yaml.safe_load(EXAMPLE.read_text())
    manifest["spec"].update(spec)
    return manifest


def a_short_cartpole_sweep(**spec: Any) -> dict[str, Any]:
    """The same with few iterations, where it matters that a run comes to its end, and not what it learns."""
    manifest = a_cartpole_sweep(**spec)
    manifest["spec"]["sweep"]["command"].insert(-1, "--max_iterations=4")
    return manifest


def _restarts(pod: dict[str, Any]) -> int:
    return sum(container["restartCount"] for container in pod["status"].get("containerStatuses", []))


def processes_of(pod_uid: str) -> list[int]:
    """The processes of a pod on this machine, but for the one that holds its sandbox."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            groups, command = (entry / "cgroup").read_text(), (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it ended in between
        if pod_uid in groups and not command.startswith(b"/pause"):
            found.append(int(entry.name))
    return found
