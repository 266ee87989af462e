"""What Isaac Sim needs of an agent's pod: licence and environment, shared memory, volumes for caches and logs.

What the user's template says stays: a variable, a mount at the same path or a group of its own wins. Only the licence
is the object's to accept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.agent import variables
from wandbsweep.api.isaac import IsaacProfile
from wandbsweep.pool.pod_parts import unexpanded, with_ours

if TYPE_CHECKING:
    from wandbsweep.api.isaac import Isaac, IsaacCache, IsaacLogs

CACHE_VOLUME: Final = "wandbsweep-isaac-cache"
CACHE_PATH: Final = "/wandbsweep-isaac-cache"
LOGS_VOLUME: Final = "wandbsweep-isaac-logs"
SHARED_MEMORY_VOLUME: Final = "wandbsweep-shared-memory"
SHARED_MEMORY_PATH: Final = "/dev/shm"  # noqa: S108 - where POSIX shared memory is, and a volume of the pod's own
POD_NAME: Final = "WANDBSWEEP_POD"

_GROUP: Final = 1000
"""Of the user in NVIDIA's images that are not root's: by it a claim can be written."""

_DEFAULTS: Final = {
    "OMNI_KIT_ALLOW_ROOT": "1",  # images in which root is the user
    "NVIDIA_DRIVER_CAPABILITIES": "all",  # rendering needs more of the driver than computing does
    "HUB__ARGS__DETECT_ONLY": "false",  # else each start asks dozens of times for a hub that is not there
}


def complete_pod(pod: dict[str, Any], isaac: Isaac, object_name: str) -> None:
    """Adds what is missing for Isaac Sim in the first container, which is the agent's by now, and around it."""
    trainer = pod["containers"][0]
    trainer["env"] = _environment(trainer, isaac)
    _mount_shared_memory(pod, trainer, isaac.shared_memory)
    if isaac.cache:
        pod["volumes"].append({"name": CACHE_VOLUME, **_cache_source(isaac.cache)})
        trainer["volumeMounts"].append({"name": CACHE_VOLUME, "mountPath": CACHE_PATH})
    if isaac.logs:
        _mount_logs(pod, trainer, isaac.logs, object_name)
    context = {"fsGroup": _GROUP, "fsGroupChangePolicy": "OnRootMismatch"}
    pod["securityContext"] = {**context, **(pod.get("securityContext") or {})}


def _environment(trainer: dict[str, Any], isaac: Isaac) -> list[dict[str, Any]]:
    accepted = {"ACCEPT_EULA": "Y", "OMNI_KIT_ACCEPT_EULA": "YES"} if isaac.accept_eula else {}
    env = with_ours(_listed(accepted), trainer["env"])
    named = {variable.get("name") for variable in env}
    return [*env, *(variable for variable in _listed(_defaults(isaac, trainer)) if variable["name"] not in named)]


def _defaults(isaac: Isaac, trainer: dict[str, Any]) -> dict[str, str]:
    cameras = isaac.profile is IsaacProfile.CAMERA
    told = {**_DEFAULTS, "HEADLESS": "1", "ENABLE_CAMERAS": "1" if cameras else "0"}
    if isaac.privacy_consent:
        told["PRIVACY_CONSENT"] = "Y"
    if isaac.cache:
        told[variables.CACHE.name] = CACHE_PATH
        told[variables.IMAGE.name] = unexpanded(str(trainer.get("image", "")))
        told[variables.WARM_UP_SECONDS.name] = str(isaac.cache.warm_up.timeout_seconds)
        if isaac.cache.warm_up.command:
            told[variables.WARM_UP.name] = unexpanded(json.dumps(isaac.cache.warm_up.command))
    return told


def _listed(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _mount_shared_memory(pod: dict[str, Any], trainer: dict[str, Any], size: str) -> None:
    if any(mount.get("mountPath", "").rstrip("/") == SHARED_MEMORY_PATH for mount in trainer["volumeMounts"]):
        return
    memory = {"medium": "Memory", "sizeLimit": size}
    pod["volumes"].append({"name": SHARED_MEMORY_VOLUME, "emptyDir": memory})
    trainer["volumeMounts"].append({"name": SHARED_MEMORY_VOLUME, "mountPath": SHARED_MEMORY_PATH})


def _cache_source(cache: IsaacCache) -> dict[str, Any]:
    if cache.host_path:
        return {"hostPath": {"path": cache.host_path, "type": "Directory"}}
    return {"persistentVolumeClaim": {"claimName": cache.claim_name}}


def _mount_logs(pod: dict[str, Any], trainer: dict[str, Any], logs: IsaacLogs, object_name: str) -> None:
    pod["volumes"].append({"name": LOGS_VOLUME, "persistentVolumeClaim": {"claimName": logs.claim_name}})
    folder = {"subPathExpr": f"{object_name}/$({POD_NAME})"}
    trainer["volumeMounts"].append({"name": LOGS_VOLUME, "mountPath": logs.mount_path, **folder})
    name = {"name": POD_NAME, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    trainer["env"] = with_ours([name], trainer["env"])
