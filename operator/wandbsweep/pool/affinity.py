"""Keeps a pod away from nodes without weakening what its template says about nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_STRONGEST: Final = 100  # the largest weight a preference may have


def keep_away(pod: dict[str, Any], *, avoid: Sequence[str], unwelcome: Sequence[str]) -> None:
    """Changes a pod's spec: never on the nodes in `avoid`, and on those in `unwelcome` only where no other has room.

    A pod whose template names its node has no choice.
    """
    if "nodeName" in pod or not (avoid or unwelcome):
        return
    affinity = dict(pod.get("affinity") or {})
    by_node = dict(affinity.get("nodeAffinity") or {})
    if avoid:
        by_node["requiredDuringSchedulingIgnoredDuringExecution"] = _narrowed(
            by_node.get("requiredDuringSchedulingIgnoredDuringExecution") or {}, avoid
        )
    if unwelcome:
        wish = {"weight": _STRONGEST, "preference": {"matchFields": _other_than(unwelcome)}}
        wishes = by_node.get("preferredDuringSchedulingIgnoredDuringExecution") or []
        by_node["preferredDuringSchedulingIgnoredDuringExecution"] = [*wishes, wish]
    pod["affinity"] = {**affinity, "nodeAffinity": by_node}


def _narrowed(required: dict[str, Any], avoid: Sequence[str]) -> dict[str, Any]:
    """Any one of the terms is enough, so each is narrowed; one without requirements matches nothing, and stays."""
    terms = required.get("nodeSelectorTerms") or [{"matchFields": []}]
    return {**required, "nodeSelectorTerms": [_narrowed_term(term, avoid) for term in terms]}


def _narrowed_term(term: dict[str, Any], avoid: Sequence[str]) -> dict[str, Any]:
    return {**term, "matchFields": [*(term.get("matchFields") or []), *_other_than(avoid)]} if term else term


def _other_than(names: Sequence[str]) -> list[dict[str, Any]]:
    """By name and not by label: kubernetes.io/hostname may be another. A requirement on a field takes one value."""
    return [{"key": "metadata.name", "operator": "NotIn", "values": [name]} for name in names]
