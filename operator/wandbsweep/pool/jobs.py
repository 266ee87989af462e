"""Builds the Job of one agent: the user's pod template, plus the runtime that turns a container into a sweep agent."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api import labels

if TYPE_CHECKING:
    from wandbsweep.api.spec import WandbSweepSpec
    from wandbsweep.sweep.path import SweepPath

RUNTIME_VOLUME: Final = "wandbsweep"
RUNTIME_PATH: Final = "/wandbsweep"
RUNTIME_CONTAINER: Final = "wandbsweep-runtime"
DEFAULT_GRACE_SECONDS: Final = 30  # Kubernetes' own default for terminationGracePeriodSeconds

_RESTRICTED: Final[dict[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True)
class Runtime:
    """What the operator's installation adds to every agent.

    `image` holds the wandbsweep package; its init container copies the agent runtime into the pod.
    """

    image: str
    image_pull_policy: str
    wandb_base_url: str
    wandb_app_url: str | None = None


@dataclass(frozen=True)
class Owner:
    """The WandbSweep that a Job belongs to."""

    namespace: str
    name: str
    uid: str


def job_name(owner_name: str, slot: int, attempt: int) -> str:
    """The name of a slot's n-th Job. Deterministic: whoever creates it twice gets a conflict."""
    return f"{owner_name}-{slot}-{attempt}"


def base_url(spec: WandbSweepSpec, runtime: Runtime) -> str:
    """The W&B server of this sweep: the object's own, else the installation's default."""
    return (spec.wandb.base_url or runtime.wandb_base_url).rstrip("/")


def agent_job(
    owner: Owner, spec: WandbSweepSpec, runtime: Runtime, path: SweepPath, *, slot: int, attempt: int
) -> dict[str, Any]:
    """The Job manifest of one agent.

    The first container of the template is the trainer; its command is replaced by the agent's, because what trains is
    the command of the sweep. Everything else of the template stays as the user wrote it.
    """
    marks = {
        labels.SWEEP_LABEL: owner.name,
        labels.SLOT_LABEL: str(slot),
        labels.ATTEMPT_LABEL: str(attempt),
        labels.MANAGED_BY_LABEL: labels.MANAGED_BY,
        labels.COMPONENT_LABEL: labels.AGENT_COMPONENT,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(owner.name, slot, attempt),
            "namespace": owner.namespace,
            "labels": marks,
            "ownerReferences": [_owner_reference(owner)],
        },
        "spec": {
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            # The Job itself replaces a disrupted pod, at no cost; every other end is the operator's to judge.
            "podFailurePolicy": {
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
            },
            "template": _pod_template(spec, runtime, path, marks),
        },
    }


def _owner_reference(owner: Owner) -> dict[str, Any]:
    return {
        "apiVersion": labels.API_VERSION,
        "kind": labels.KIND,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _pod_template(spec: WandbSweepSpec, runtime: Runtime, path: SweepPath, marks: dict[str, str]) -> dict[str, Any]:
    template = copy.deepcopy(dict(spec.template))
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**metadata.get("labels", {}), **marks}
    pod = template["spec"]
    pod["restartPolicy"] = "Never"  # the sweep decides what is tried again, not the kubelet
    pod["volumes"] = [*pod.get("volumes", []), {"name": RUNTIME_VOLUME, "emptyDir": {}}]
    pod["initContainers"] = [_runtime_container(runtime, pod), *pod.get("initContainers", [])]
    pod["containers"] = [_agent_container(pod["containers"][0], spec, runtime, path, pod), *pod["containers"][1:]]
    return template


def _runtime_container(runtime: Runtime, pod: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": RUNTIME_CONTAINER,
        "image": runtime.image,
        "imagePullPolicy": runtime.image_pull_policy,
        "command": ["wandbsweep", "install", RUNTIME_PATH],
        "securityContext": dict(_RESTRICTED),
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [{"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH}],
    }
    if pod.get("securityContext", {}).get("runAsUser") == 0:
        # A pod that runs as root by its template would fail the check that its init container is not root.
        container["securityContext"] = {**_RESTRICTED, "runAsUser": 65532}
    return container


def _agent_container(
    trainer: dict[str, Any], spec: WandbSweepSpec, runtime: Runtime, path: SweepPath, pod: dict[str, Any]
) -> dict[str, Any]:
    container = dict(trainer)
    container["command"] = [f"{RUNTIME_PATH}/bin/wandbsweep-agent"]
    container.pop("args", None)
    ours = _agent_environment(spec, runtime, path, pod)
    if "terminationMessagePath" in container:
        ours.append({"name": "WANDBSWEEP_TERMINATION_LOG", "value": container["terminationMessagePath"]})
    taken = {variable["name"] for variable in ours}
    # What the user sets stays, except where the agent would work on another sweep than the object says.
    container["env"] = [*ours, *(v for v in container.get("env", []) if v.get("name") not in taken)]
    mount = {"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH}
    container["volumeMounts"] = [*container.get("volumeMounts", []), mount]
    return container


def _agent_environment(
    spec: WandbSweepSpec, runtime: Runtime, path: SweepPath, pod: dict[str, Any]
) -> list[dict[str, Any]]:
    secret = spec.wandb.api_key_secret_ref
    grace = pod.get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS)
    plain = {
        "WANDBSWEEP_SWEEP": str(path),
        "WANDBSWEEP_GRACE_SECONDS": str(grace),
        "WANDB_BASE_URL": base_url(spec, runtime),
        "WANDB_ENTITY": path.entity,
        "WANDB_PROJECT": path.project,
    }
    if spec.runs_per_agent is not None:
        plain["WANDBSWEEP_RUNS_PER_AGENT"] = str(spec.runs_per_agent)
    if runtime.wandb_app_url is not None and spec.wandb.base_url is None:
        plain["WANDB_APP_URL"] = runtime.wandb_app_url
    return [
        *({"name": name, "value": value} for name, value in plain.items()),
        {"name": "WANDB_API_KEY", "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}},
    ]
