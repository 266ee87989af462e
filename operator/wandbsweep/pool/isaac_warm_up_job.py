"""Builds the Job that fills the caches of Isaac Sim: an agent's pod, in which the caches are filled and no run is done.

It is the same pod with the same image, nodes, GPUs, user and volumes, since all of these decide what is in the caches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.agent.exit_codes import WarmUpExit
from wandbsweep.api import labels
from wandbsweep.pool import queueing
from wandbsweep.pool.agent_pod import RUNTIME_PATH, AgentSettings, pod_template
from wandbsweep.pool.jobs import app_url, base_url, digest, job_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.api.spec import WandbSweepSpec
    from wandbsweep.pool.jobs import Owner, Runtime
    from wandbsweep.sweep.path import SweepPath

_FAILURES: Final = tuple(sorted(code for code in WarmUpExit if code not in {WarmUpExit.DONE, WarmUpExit.DRAINED}))
_LAST_WORDS_SECONDS: Final = 20
"""So much longer the Job may take than its command: the pod itself notes that the command took too long."""

_OF_A_TRAINER: Final = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports")


def warm_up_job_name(owner_name: str, attempt: int) -> str:
    """The name of an object's n-th warm-up. Deterministic: whoever creates it twice gets a conflict."""
    return f"{owner_name}-warm-up-{attempt}"


def warm_up_digest(spec: WandbSweepSpec, own: Mapping[str, str] | None = None) -> str:
    """Of all that decides which caches are filled, how, and in which queue."""
    parts = spec.model_dump(mode="json", include={"template", "isaac"}, exclude_defaults=True)
    return digest({**parts, "queue": queueing.queue_of(spec.template, own)})


def warm_up_job(
    owner: Owner, spec: WandbSweepSpec, runtime: Runtime, path: SweepPath, *, attempt: int
) -> dict[str, Any]:
    """The Job manifest. Kubernetes itself ends it before the pool no longer waits."""
    assert spec.isaac is not None  # noqa: S101 - only asked for where there is a profile with a cache
    assert spec.isaac.cache is not None  # noqa: S101 - see above
    marks = {
        labels.SWEEP_LABEL: owner.name,
        labels.ATTEMPT_LABEL: str(attempt),
        labels.MANAGED_BY_LABEL: labels.MANAGED_BY,
        labels.COMPONENT_LABEL: labels.WARM_UP_COMPONENT,
    }
    settings = AgentSettings(
        path=path,
        base_url=base_url(spec, runtime),
        app_url=app_url(spec, runtime),
        runtime_image=runtime.agent_image or runtime.image,
        runtime_pull_policy=runtime.image_pull_policy,
    )
    template = pod_template(spec, settings, marks)
    first = template["spec"]["containers"][0]
    container = {name: value for name, value in first.items() if name not in _OF_A_TRAINER}
    template["spec"]["containers"] = [{**container, "command": [f"{RUNTIME_PATH}/bin/wandbsweep", "warm-up"]}]
    notes = {labels.TEMPLATE_DIGEST_ANNOTATION: warm_up_digest(spec, owner.labels)}
    name = warm_up_job_name(owner.name, attempt)
    job = job_manifest(owner, name, template, marks, notes, failures=_FAILURES, own=owner.labels)
    job["spec"]["activeDeadlineSeconds"] = spec.isaac.cache.warm_up.timeout_seconds + _LAST_WORDS_SECONDS
    return job
