"""What images of Isaac Sim need of the object around them: the licence, and a GPU that renders what is asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.problems import Finding, Place
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

GPU_LABEL: Final = "nvidia.com/gpu.product"
"""Label of a node by which NVIDIA's GPU feature discovery names its GPU."""

_NVIDIAS_OWN: Final = re.compile(r"nvcr\.io/nvidia/isaac-(sim|lab)([:@].*)?")
_LICENCE: Final = frozenset({"ACCEPT_EULA", "OMNI_KIT_ACCEPT_EULA"})

_WITHOUT_RAY_TRACING: Final = re.compile(
    r"(?<![A-Za-z0-9])(P4|P40|P100|V100S?|A30X?|A100X?|A800|H20|H100|H200|H800|GH200|B100|B200|B300|GB200|GB300)"
    r"(?![A-Za-z0-9])"
)
"""Models of NVIDIA's data-centre GPUs without ray-tracing cores, as they stand in a product's name."""


def cannot_ray_trace(product: str) -> bool:
    """Whether a GPU of this name is known to have no ray-tracing cores. Of one that is not known, nothing is said."""
    return _WITHOUT_RAY_TRACING.search(product) is not None


def check_licence(template: Mapping[str, Any], isaac: Mapping[str, Any] | None) -> Finding | None:
    """NVIDIA's own images end at once where their licence is not accepted."""
    pod = template.get("spec")
    containers = pod.get("containers") if isinstance(pod, dict) else None
    first = containers[0] if isinstance(containers, list) and containers else None
    if isaac or not isinstance(first, dict) or not _NVIDIAS_OWN.fullmatch(str(first.get("image") or "")):
        return None
    env = first.get("env")
    names = {each.get("name") for each in env if isinstance(each, dict)} if isinstance(env, list) else set()
    if names & _LICENCE or first.get("envFrom"):
        return None
    message = f"is missing, and {first['image']} does not start before its licence is accepted"
    return Finding(
        Rule.LICENCE_MISSING,
        Place("spec.isaac", keys=("spec", "isaac")),
        message,
        "add spec.isaac with acceptEULA: true, once you have read and accepted it",
    )


def check_gpus(template: Mapping[str, Any], isaac: Mapping[str, Any] | None) -> Finding | None:
    """Cameras render on ray-tracing cores. Only a GPU that the template itself asks for is known here."""
    if not isaac or isaac.get("profile") != "camera":
        return None
    pod = template.get("spec")
    selector = pod.get("nodeSelector") if isinstance(pod, dict) else None
    product = selector.get(GPU_LABEL) if isinstance(selector, dict) else None
    if not isinstance(product, str) or not cannot_ray_trace(product):
        return None
    place = Place("spec.isaac.profile", keys=("spec", "isaac", "profile"))
    message = f"is camera, and the template asks for {product}, a GPU without ray-tracing cores"
    return Finding(Rule.NO_RAY_TRACING, place, message, "ask for another GPU, or set headless")
