"""Builds the Job of a sweep's search: the operator's own image and `wandbsweep search`, under the user's template.

What the user's template says stays, but for what makes the pod the search of this sweep: its command, what it is told,
and how it tells that it is ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.agent import variables
from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.api import labels
from wandbsweep.pool import pod_parts
from wandbsweep.pool.jobs import app_url, base_url, digest, job_manifest
from wandbsweep.sweep.checks.template_shape import without_nulls

if TYPE_CHECKING:
    from wandbsweep.api.spec import WandbSweepSpec
    from wandbsweep.pool.jobs import Owner, Runtime
    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.sweep.search_order import SearchOrder

SEARCH_CONTAINER: Final = "search"
AGENT_COUNT_FILE: Final = "agent-count"
SCRATCH_VOLUME: Final = "wandbsweep-scratch"
SCRATCH_PATH: Final = "/tmp"  # noqa: S108 - a volume of the pod's own
READY_FILE: Final = f"{SCRATCH_PATH}/search-ready"

_RESOURCES: Final = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
_FAILURES: Final = tuple(sorted(code for code in SearchExit if code not in {SearchExit.DONE, SearchExit.DRAINED}))
_HOME: Final = {"HOME": SCRATCH_PATH, "WANDB_DIR": SCRATCH_PATH}  # the only place that can be written


def search_job_name(owner_name: str, attempt: int) -> str:
    """The name of an object's n-th search Job. Deterministic: whoever creates it twice gets a conflict."""
    return f"{owner_name}-search-{attempt}"


def search_digest(spec: WandbSweepSpec, order: SearchOrder) -> str:
    """Of all that a search is told and made from. With another digest it is replaced; the number of agents is apart."""
    told = spec.model_dump(mode="json", include={"wandb"}, exclude_defaults=True)
    return digest({**told, "template": spec.search.template, "order": order.to_json()})


def search_job(
    owner: Owner,
    spec: WandbSweepSpec,
    runtime: Runtime,
    path: SweepPath,
    *,
    order: SearchOrder,
    attempt: int,
    agent_count: int,
) -> dict[str, Any]:
    """The Job manifest of a sweep's search."""
    marks = {
        labels.SWEEP_LABEL: owner.name,
        labels.ATTEMPT_LABEL: str(attempt),
        labels.MANAGED_BY_LABEL: labels.MANAGED_BY,
        labels.COMPONENT_LABEL: labels.SEARCH_COMPONENT,
    }
    notes = {labels.TEMPLATE_DIGEST_ANNOTATION: search_digest(spec, order), labels.SWEEP_PATH_ANNOTATION: str(path)}
    template: dict[str, Any] = without_nulls(spec.search.template or {})
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **marks}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), labels.AGENT_COUNT_ANNOTATION: str(agent_count)}
    told = {
        **pod_parts.of_wandb(path, base_url=base_url(spec, runtime), app_url=app_url(spec, runtime)),
        variables.SEARCH_ORDER.name: pod_parts.unexpanded(order.to_json()),
        variables.AGENT_COUNT_FILE.name: f"{pod_parts.POD_PATH}/{AGENT_COUNT_FILE}",
    }
    _complete_pod(template.setdefault("spec", {}), runtime, pod_parts.environment(told, spec.wandb))
    return job_manifest(owner, search_job_name(owner.name, attempt), template, marks, notes, failures=_FAILURES)


def _complete_pod(pod: dict[str, Any], runtime: Runtime, told: list[dict[str, Any]]) -> None:
    """Fills in what the user's template leaves open, and sets what it does not decide."""
    first, *others = pod.get("containers") or [{}]
    pod["restartPolicy"] = "Never"  # the operator decides what is tried again, not the kubelet
    pod.setdefault("automountServiceAccountToken", False)
    pod["volumes"] = [
        *(pod.get("volumes") or []),
        {"name": SCRATCH_VOLUME, "emptyDir": {}},
        pod_parts.told_volume(AGENT_COUNT_FILE, labels.AGENT_COUNT_ANNOTATION),
    ]
    pod["containers"] = [_search_container(first, runtime, told), *others]


def _search_container(users: dict[str, Any], runtime: Runtime, told: list[dict[str, Any]]) -> dict[str, Any]:
    ours = {"image": runtime.image, "imagePullPolicy": runtime.image_pull_policy} if "image" not in users else {}
    container = {"name": SEARCH_CONTAINER, "resources": _RESOURCES, "workingDir": SCRATCH_PATH, **ours, **users}
    container["command"] = ["wandbsweep", "search", f"--ready-file={READY_FILE}"]
    container.pop("args", None)
    if "terminationMessagePath" in container:
        told = [*told, {"name": variables.TERMINATION_LOG.name, "value": container["terminationMessagePath"]}]
    env = pod_parts.with_ours(told, users.get("env") or [])
    named = {variable.get("name") for variable in env}
    container["env"] = [*env, *({"name": name, "value": value} for name, value in _HOME.items() if name not in named)]
    container["securityContext"] = {**pod_parts.RESTRICTED, **(users.get("securityContext") or {})}
    container["readinessProbe"] = {"exec": {"command": ["test", "-f", READY_FILE]}, "periodSeconds": 5}
    scratch = {"name": SCRATCH_VOLUME, "mountPath": SCRATCH_PATH}
    container["volumeMounts"] = [*(users.get("volumeMounts") or []), scratch, pod_parts.told_mount()]
    return container
