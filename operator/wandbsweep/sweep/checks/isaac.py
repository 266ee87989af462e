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
    asked_for = gpus_asked_for(template)
    if not asked_for or not all(cannot_ray_trace(product) for product in asked_for):
        return None
    place = Place("spec.isaac.profile", keys=("spec", "isaac", "profile"))
    message = f"is camera, and the template asks for {' or '.join(asked_for)}, a GPU without ray-tracing cores"
    return Finding(Rule.NO_RAY_TRACING, place, message, "ask for another GPU, or set headless")


def gpus_asked_for(template: Mapping[str, Any]) -> tuple[str, ...]:
    """The products by which a template selects nodes, by selector or by required affinity; empty where it does not."""
    pod = _mapping(template.get("spec"))
    product = _mapping(pod.get("nodeSelector")).get(GPU_LABEL)
    if isinstance(product, str):
        return (product,)
    affinity = _mapping(_mapping(pod.get("affinity")).get("nodeAffinity"))
    terms = _mapping(affinity.get("requiredDuringSchedulingIgnoredDuringExecution")).get("nodeSelectorTerms")
    choices = [_products(_mapping(term)) for term in terms] if isinstance(terms, list) else []
    # A pod may go where any of the terms leads: one that says nothing of the GPU leaves it open.
    return tuple(dict.fromkeys(each for choice in choices for each in choice)) if choices and all(choices) else ()


def _products(term: Mapping[str, Any]) -> list[str]:
    rules = term.get("matchExpressions")
    for rule in map(_mapping, rules if isinstance(rules, list) else []):
        values = rule.get("values")
        if rule.get("key") == GPU_LABEL and rule.get("operator") == "In" and isinstance(values, list):
            return [value for value in values if isinstance(value, str)]
    return []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
