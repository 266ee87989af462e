"""The pod of an agent: the user's template, plus the runtime that turns its trainer container into a sweep agent.

Everything in the template stays as the user wrote it, but for the command of the first container: what trains is the
command of the sweep.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.agent import variables
from wandbsweep.api import labels
from wandbsweep.pool import pod_parts
from wandbsweep.pool.affinity import keep_away
from wandbsweep.pool.isaac_pod import complete_pod
from wandbsweep.pool.pod_parts import POD_PATH, RESTRICTED, unexpanded
from wandbsweep.sweep.checks.template_shape import without_nulls

if TYPE_CHECKING:
    from wandbsweep.api.life import Checkpoint, TrialSettings
    from wandbsweep.api.spec import WandbSweepSpec
    from wandbsweep.sweep.path import SweepPath

RUNTIME_VOLUME: Final = "wandbsweep"
RUNTIME_PATH: Final = "/wandbsweep"
RUNTIME_CONTAINER: Final = "wandbsweep-runtime"
WITH_WANDB: Final = "--with-wandb"
LEAVE_FILE: Final = "leave"
CHECKPOINT_VOLUME: Final = "wandbsweep-checkpoints"
DEFAULT_GRACE_SECONDS: Final = 30  # Kubernetes' own default for terminationGracePeriodSeconds


@dataclass(frozen=True)
class AgentSettings:
    """What an agent is told besides what its object's spec says."""

    path: SweepPath
    base_url: str
    app_url: str | None
    runtime_image: str
    runtime_pull_policy: str
    metric: str | None = None
    avoid: tuple[str, ...] = ()
    unwelcome: tuple[str, ...] = ()


def pod_template(spec: WandbSweepSpec, settings: AgentSettings, marks: dict[str, str]) -> dict[str, Any]:
    """The template of the agent's Job, with these labels added."""
    template: dict[str, Any] = without_nulls(spec.template)
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**metadata.get("labels", {}), **marks}
    pod = template["spec"]
    pod["restartPolicy"] = "Never"  # the sweep decides what is tried again, not the kubelet
    pod["volumes"] = [*pod.get("volumes", []), *_volumes(spec.checkpoint)]
    pod["initContainers"] = [_runtime_container(settings, pod), *pod.get("initContainers", [])]
    pod["containers"] = [_agent_container(pod["containers"][0], spec, settings, pod), *pod["containers"][1:]]
    if spec.isaac:
        pod["initContainers"][0]["command"].append(WITH_WANDB)  # images of Isaac Sim come without
        complete_pod(pod, spec.isaac, marks[labels.SWEEP_LABEL])
    keep_away(pod, avoid=settings.avoid, unwelcome=settings.unwelcome)
    return template


def _volumes(checkpoint: Checkpoint | None) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": RUNTIME_VOLUME, "emptyDir": {}},
        pod_parts.told_volume(LEAVE_FILE, labels.LEAVE_ANNOTATION),
    ]
    if checkpoint:
        volumes.append({"name": CHECKPOINT_VOLUME, "persistentVolumeClaim": {"claimName": checkpoint.claim_name}})
    return volumes


def _runtime_container(settings: AgentSettings, pod: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": RUNTIME_CONTAINER,
        "image": settings.runtime_image,
        "imagePullPolicy": settings.runtime_pull_policy,
        "command": ["wandbsweep", "install", RUNTIME_PATH],
        "securityContext": dict(RESTRICTED),
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [{"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH}],
    }
    if pod.get("securityContext", {}).get("runAsUser") == 0:
        # A pod that runs as root by its template would fail the check that its init container is not root.
        container["securityContext"] = {**RESTRICTED, "runAsUser": 65532}
    return container


def _agent_container(
    trainer: dict[str, Any], spec: WandbSweepSpec, settings: AgentSettings, pod: dict[str, Any]
) -> dict[str, Any]:
    container = dict(trainer)
    container["command"] = [f"{RUNTIME_PATH}/bin/wandbsweep-agent"]
    container.pop("args", None)
    ours = _environment(spec, settings, pod)
    if "terminationMessagePath" in container:
        ours.append({"name": variables.TERMINATION_LOG.name, "value": container["terminationMessagePath"]})
    container["env"] = pod_parts.with_ours(ours, container.get("env", []))
    mounts = [{"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH}, pod_parts.told_mount()]
    if spec.checkpoint:
        mounts.append({"name": CHECKPOINT_VOLUME, "mountPath": spec.checkpoint.mount_path})
    container["volumeMounts"] = [*container.get("volumeMounts", []), *mounts]
    return container


def _environment(spec: WandbSweepSpec, settings: AgentSettings, pod: dict[str, Any]) -> list[dict[str, Any]]:
    plain = {
        **pod_parts.of_wandb(settings.path, base_url=settings.base_url, app_url=settings.app_url),
        variables.GRACE_SECONDS.name: str(pod.get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS)),
        variables.LEAVE_FILE.name: f"{POD_PATH}/{LEAVE_FILE}",
        **_of_trials(spec.trial),
        **_of_checkpoints(spec.checkpoint),
    }
    if settings.metric is not None:
        plain[variables.METRIC.name] = unexpanded(settings.metric)
    if spec.runs_per_agent is not None:
        plain[variables.RUNS_PER_AGENT.name] = str(spec.runs_per_agent)
    node = {"name": variables.NODE.name, "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    return [*pod_parts.environment(plain, spec.wandb), node]


def _of_trials(trial: TrialSettings) -> dict[str, str]:
    numbers = {
        variables.STARTUP_TIMEOUT: trial.startup_timeout_seconds,
        variables.STALL_TIMEOUT: trial.stall_timeout_seconds,
        variables.TIMEOUT: trial.timeout_seconds,
        variables.STARTUP_RETRIES: trial.startup_retries,
    }
    return {variable.name: str(number) for variable, number in numbers.items() if number is not None}


def _of_checkpoints(checkpoint: Checkpoint | None) -> dict[str, str]:
    if checkpoint is None:
        return {}
    told = {variables.CHECKPOINTS.name: checkpoint.mount_path}
    if checkpoint.resume_args:
        told[variables.RESUME_ARGS.name] = unexpanded(json.dumps(checkpoint.resume_args))
    return told
