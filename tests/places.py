"""A namespace of a test: what is applied there, and what can be seen of it on Kubernetes and on the W&B server."""

from __future__ import annotations

import base64
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kube_client import Kube, KubeAnswerError
from waiting import until
from wandbsweep.api import labels
from wandbsweep.controller.kube_api import core_path, jobs_path, sweeps_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers import RunningServer

    Object = dict[str, Any]

TRAINER = Path(__file__).parent / "trainer.py"
NAME = "anymal"

_SWEEPS = """
query Sweeps($entity: String!, $project: String!) {
    project(name: $project, entityName: $entity) { sweeps { edges { node { name state description config } } } }
}
"""
_SWEEP_ID = """
query Sweep($entity: String!, $project: String!, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { id } }
}
"""
_SET_STATE = """
mutation UpsertSweep($id: ID, $state: String, $entityName: String, $projectName: String) {
    upsertSweep(input: {id: $id, state: $state, entityName: $entityName, projectName: $projectName}) { sweep { name } }
}
"""
_DELETE_SWEEP = """
mutation DeleteSweep($id: ID!) { deleteSweep(input: {id: $id}) { success } }
"""
_RUNS = """
query Runs($entity: String!, $project: String!, $sweep: String!) {
    project(name: $project, entityName: $entity) {
        sweep(sweepName: $sweep) { runs { edges { node { name displayName state config summaryMetrics tags } } } }
    }
}
"""


def a_grid(*rates: float, seconds: float = 0) -> Object:
    """A sweep over learning rates: one run for each, and the smallest rate is the best."""
    return {
        "method": "grid",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"lr": {"values": list(rates or (0.1, 0.2))}, "seconds": {"value": seconds}},
        "command": [sys.executable, str(TRAINER), "${args}"],
    }


def a_template(**pod: Any) -> Object:
    """A pod template with one trainer. No scheduler looks at its pods, so that nodes of other tests play no part."""
    container = {"name": "trainer", "image": "lab/trainer:1"}
    sound = {"schedulerName": "nobody", "terminationGracePeriodSeconds": 10, "containers": [container]}
    return {"spec": {**sound, **pod}}


@dataclass(frozen=True)
class Place:
    """A namespace, and the project of the same name on the server."""

    kube: Kube
    namespace: str
    server: RunningServer

    @property
    def project(self) -> str:
        return self.namespace

    def manifest(self, name: str = NAME, **spec: Any) -> Object:
        """A sound WandbSweep; fields of the spec are named as in a manifest, None leaves one out."""
        sound = {"project": self.project, "sweep": a_grid(), "template": a_template()}
        if spec.get("sweepFrom") or spec.get("sweepID"):
            del sound["sweep"]
        chosen = {field: value for field, value in {**sound, **spec}.items() if value is not None}
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": labels.API_VERSION, "kind": labels.KIND, "metadata": metadata, "spec": chosen}

    def apply(self, name: str = NAME, **spec: Any) -> Object:
        return self.kube.create(sweeps_path(self.namespace, "").rstrip("/"), self.manifest(name, **spec))

    def delete(self, name: str = NAME) -> None:
        self.kube.delete(sweeps_path(self.namespace, name))

    def edit(self, name: str = NAME, **spec: Any) -> Object:
        """Fields of the spec are merged into those that are there; None removes one."""
        return self.kube.patch(sweeps_path(self.namespace, name), {"spec": spec})

    def scale(self, replicas: int, name: str = NAME) -> None:
        self.kubectl("scale", f"wandbsweep/{name}", f"--replicas={replicas}")

    def kubectl(self, *arguments: str, **options: Any) -> str:
        return self.kube.kubectl("--namespace", self.namespace, *arguments, **options)

    def give_key(self, key: str | None = None, *, name: str = "wandb-api-key", under: str = "apiKey") -> None:
        """The Secret with the API key, the server's own if nothing else is said."""
        data = {under: base64.b64encode((key or self.server.api_key).encode()).decode()}
        self._give("secrets", name, data)

    def give_config_map(self, name: str, **data: str) -> None:
        """A ConfigMap with these keys, beside those that it has."""
        self._give("configmaps", name, data)

    def _give(self, kind: str, name: str, data: dict[str, str]) -> None:
        try:
            self.kube.create(core_path(self.namespace, kind), {"metadata": {"name": name}, "data": data})
        except KubeAnswerError as error:
            if error.status != 409:
                raise
            self.kube.patch(core_path(self.namespace, kind, name), {"data": data})

    # What there is on Kubernetes.

    def path(self, name: str = NAME) -> str:
        return sweeps_path(self.namespace, name)

    def find(self, name: str = NAME) -> Object | None:
        return self.kube.find(sweeps_path(self.namespace, name))

    def read(self, name: str = NAME) -> Object:
        return self.kube.get(sweeps_path(self.namespace, name))

    def status(self, name: str = NAME) -> Object:
        return dict(self.read(name).get("status", {}))

    def condition(self, kind: str, name: str = NAME) -> Object:
        """The condition of this type; empty where there is none yet."""
        conditions = self.status(name).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def jobs(self, name: str = NAME) -> list[Object]:
        found = self.kube.items(f"{jobs_path(self.namespace)}?labelSelector={labels.SWEEP_LABEL}={name}")
        return sorted(found, key=lambda job: str(job["metadata"]["name"]))

    def job_names(self, name: str = NAME) -> list[str]:
        """Of Jobs that are not on their way out."""
        return [job["metadata"]["name"] for job in self.jobs(name) if "deletionTimestamp" not in job["metadata"]]

    def pods(self, name: str = NAME) -> list[Object]:
        return self.kube.items(f"{core_path(self.namespace, 'pods')}?labelSelector={labels.SWEEP_LABEL}={name}")

    def events(self, name: str = NAME) -> list[Object]:
        about = f"involvedObject.kind={labels.KIND},involvedObject.name={name}"
        return self.kube.items(f"{core_path(self.namespace, 'events')}?fieldSelector={about}")

    def event_reasons(self, name: str = NAME) -> list[str]:
        return [event["reason"] for event in self.events(name)]

    # What there is on the W&B server.

    def sweeps(self) -> list[Object]:
        """The sweeps of the project."""
        project = self.server.graphql(_SWEEPS, self._project())["project"]
        return [edge["node"] for edge in project["sweeps"]["edges"]] if project else []

    def sweep_state(self, sweep_id: str | None = None) -> str:
        """As W&B has it; of the only sweep if none is named."""
        (state,) = [sweep["state"] for sweep in self.sweeps() if sweep_id in {None, sweep["name"]}]
        return str(state)

    def set_sweep_state(self, state: str, sweep_id: str | None = None) -> None:
        """What the buttons of W&B's page do, to the only sweep if none is named."""
        names = {"entityName": self.server.entity, "projectName": self.project}
        self.server.graphql(_SET_STATE, {"id": self._node_id(sweep_id), "state": state, **names})

    def delete_sweep(self, sweep_id: str | None = None) -> None:
        """As somebody does on W&B's page, the only sweep if none is named."""
        self.server.graphql(_DELETE_SWEEP, {"id": self._node_id(sweep_id)})

    def _node_id(self, sweep_id: str | None) -> str:
        chosen = sweep_id or self.sweeps()[0]["name"]
        sweep = self.server.graphql(_SWEEP_ID, {**self._project(), "sweep": chosen})["project"]["sweep"]
        return str(sweep["id"])

    def runs(self, sweep_id: str) -> list[Object]:
        sweep = self.server.graphql(_RUNS, {**self._project(), "sweep": sweep_id})["project"]["sweep"]
        return [edge["node"] for edge in sweep["runs"]["edges"]]

    # What is waited for.

    def until_condition(
        self, kind: str, status: str = "True", *, reason: str | None = None, name: str = NAME, seconds: float = 60
    ) -> Object:
        """The condition, once it stands like this."""

        def stands() -> Object | None:
            condition = self.condition(kind, name)
            like_this = condition.get("status") == status and reason in {None, condition.get("reason")}
            return condition if like_this else None

        try:
            return until(stands, f"{kind} is {status}, {reason}", seconds=seconds) or {}
        except AssertionError as error:
            raise AssertionError(f"{error}; the status is {self.status(name)}") from None

    def until_jobs(self, *names: str, seconds: float = 60) -> None:
        """These are the Jobs that there are, and no others."""
        wanted = sorted(names)
        until(lambda: self.job_names() == wanted, f"the Jobs are {wanted}", seconds=seconds)

    def until_gone(self, name: str = NAME, *, seconds: float = 60) -> None:
        until(lambda: self.find(name) is None, f"{name} is gone", seconds=seconds)

    def _project(self) -> Object:
        return {"entity": self.server.entity, "project": self.project}


@contextmanager
def a_place(kube: Kube, namespace: str, server: RunningServer) -> Iterator[Place]:
    """A namespace for the length of a block. Its objects are let go whether an operator lives or not."""
    kube.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    place = Place(kube, namespace, server)
    account = core_path(namespace, "serviceaccounts", "default")
    until(lambda: kube.find(account), "the namespace has the account that pods run under")
    try:
        yield place
    finally:
        for sweep in kube.items(sweeps_path(namespace, "").rstrip("/")):
            name = sweep["metadata"]["name"]
            kube.delete(sweeps_path(namespace, name))
            _release(kube, sweeps_path(namespace, name))
        kube.delete(f"/api/v1/namespaces/{namespace}")


def _release(kube: Kube, path: str) -> None:
    try:
        kube.patch(path, {"metadata": {"finalizers": None}})
    except KubeAnswerError as error:
        if error.status != 404:
            raise
