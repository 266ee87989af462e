"""What every pod of a sweep has, an agent's like a search's: how it reaches W&B, and what it is told while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.agent import variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandbsweep.api.spec import WandbSettings
    from wandbsweep.sweep.path import SweepPath

POD_VOLUME: Final = "wandbsweep-pod"
POD_PATH: Final = "/wandbsweep-pod"

RESTRICTED: Final[dict[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The restricted Pod Security Standard, and a file system that is only read."""


def of_wandb(path: SweepPath, *, base_url: str, app_url: str | None) -> dict[str, str]:
    """The variables that say which sweep it is, and where."""
    told = {
        variables.SWEEP.name: str(path),
        "WANDB_BASE_URL": base_url,
        "WANDB_ENTITY": path.entity,
        "WANDB_PROJECT": path.project,
    }
    return told if app_url is None else {**told, "WANDB_APP_URL": app_url}


def environment(plain: Mapping[str, str], settings: WandbSettings) -> list[dict[str, Any]]:
    """These variables as a container has them, and the API key out of the user's Secret."""
    secret = settings.api_key_secret_ref
    key = {"name": "WANDB_API_KEY", "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}
    return [*({"name": name, "value": value} for name, value in plain.items()), key]


def unexpanded(text: str) -> str:
    """So that the kubelet, which replaces $(NAME), hands it on as it is."""
    return text.replace("$", "$$")


def with_ours(ours: list[dict[str, Any]], users: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the user sets stays, except where the pod would work on another sweep than the object says."""
    taken = {variable["name"] for variable in ours}
    return [*ours, *(variable for variable in users if variable.get("name") not in taken)]


def told_volume(file: str, annotation: str) -> dict[str, Any]:
    """A file that shows an annotation of the pod, as it is and as it changes."""
    field = {"fieldPath": f"metadata.annotations['{annotation}']"}
    return {"name": POD_VOLUME, "downwardAPI": {"items": [{"path": file, "fieldRef": field}]}}


def told_mount() -> dict[str, Any]:
    """Where a container sees that file."""
    return {"name": POD_VOLUME, "mountPath": POD_PATH, "readOnly": True}
