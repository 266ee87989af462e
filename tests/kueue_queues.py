"""A queue of the real Kueue, for the same tests as the one of queues.py: it is told how many Jobs may run, and evicts.

What it is made of belongs to no namespace but the LocalQueue, so everything has the namespace in its name.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from queues import FLAVOR
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kube_client import Kube

    Object = dict[str, Any]

API: Final = "/apis/kueue.x-k8s.io/v1beta2"
GPU: Final = "nvidia.com/gpu"


@dataclass(frozen=True)
class KueueQueue:
    """A LocalQueue, and a ClusterQueue of its own with as many GPUs as Jobs are allowed."""

    kube: Kube
    namespace: str
    name: str

    @property
    def cluster_queue(self) -> str:
        return self.namespace

    def make(self, priorities: dict[str, int]) -> None:
        """Everything that a platform team makes; nobody may run yet."""
        flavor = {"metadata": {"name": self.namespace}, "spec": {"nodeLabels": FLAVOR}}
        self._create("resourceflavors", "ResourceFlavor", flavor)
        self._create("clusterqueues", "ClusterQueue", {"metadata": {"name": self.cluster_queue}, "spec": self._spec(0)})
        local = {"metadata": {"name": self.name}, "spec": {"clusterQueue": self.cluster_queue}}
        self._create(f"namespaces/{self.namespace}/localqueues", "LocalQueue", local)
        for name, value in priorities.items():
            if self.kube.find(f"{API}/workloadpriorityclasses/{name}") is None:
                named = {"metadata": {"name": name}, "value": value}
                self._create("workloadpriorityclasses", "WorkloadPriorityClass", named)
        until(self._is_active, f"queue {self.name} admits")

    def allow(self, jobs: int) -> None:
        """From now on so many may run at a time. Those that run already go on."""
        self.kube.patch(f"{API}/clusterqueues/{self.cluster_queue}", {"spec": self._spec(jobs)})

    def evict(self) -> None:
        """Take back every place, and admit nobody until more is allowed."""
        self._stop("HoldAndDrain")
        until(lambda: not any(holds(each, "QuotaReserved") for each in self.workloads()), "every place was taken back")
        self.allow(0)
        self._stop("None")

    def workloads(self) -> list[Object]:
        """What Kueue keeps for each Job that names the queue."""
        found = self.kube.items(f"{API}/namespaces/{self.namespace}/workloads")
        return sorted(found, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"]))

    def workload_of(self, job: str) -> Object:
        """The one of this Job."""
        (found,) = [
            each for each in self.workloads() if job in {owner["name"] for owner in each["metadata"]["ownerReferences"]}
        ]
        return found

    def _spec(self, gpus: int) -> Object:
        enough = [{"name": name, "nominalQuota": "1000Gi"} for name in ("cpu", "memory", "ephemeral-storage")]
        resources = [*enough, {"name": GPU, "nominalQuota": gpus}]
        flavors = [{"name": self.namespace, "resources": resources}]
        group = {"coveredResources": [each["name"] for each in resources], "flavors": flavors}
        return {
            "namespaceSelector": {},
            "resourceGroups": [group],
            "preemption": {"withinClusterQueue": "LowerPriority"},
        }

    def _stop(self, policy: str) -> None:
        self.kube.patch(f"{API}/clusterqueues/{self.cluster_queue}", {"spec": {"stopPolicy": policy}})

    def _is_active(self) -> bool:
        return holds(self.kube.get(f"{API}/namespaces/{self.namespace}/localqueues/{self.name}"), "Active")

    def _create(self, path: str, kind: str, body: Object) -> None:
        self.kube.create(f"{API}/{path}", {"apiVersion": API.removeprefix("/apis/"), "kind": kind, **body})


def holds(found: Object, condition: str) -> bool:
    """Whether an object says so of itself."""
    conditions = found.get("status", {}).get("conditions", [])
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)


@contextmanager
def kueue_queue(kube: Kube, namespace: str, name: str, **priorities: int) -> Iterator[KueueQueue]:
    """A queue of Kueue for the length of a block, and priority classes, which stay."""
    queue = KueueQueue(kube, namespace, name)
    queue.make(priorities or {"sweeps": 100})
    yield queue
    for path in ("clusterqueues", "resourceflavors"):
        kube.delete(f"{API}/{path}/{namespace}")
