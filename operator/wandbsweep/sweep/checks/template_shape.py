"""Whether a pod template has the shape of one where this house builds on it.

The API server keeps the template of a WandbSweep as it is written and judges it only when it becomes a Job. Until then
a list may be a word and a mapping nothing at all: a key with nothing behind it, as in `volumes:`, counts as left out.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.problems import Finding, kind_of
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from wandbsweep.sweep.problems import Place

_TEXT: Final = str
_CONTAINER: Final[dict[str, Any]] = {
    "name": _TEXT,
    "image": _TEXT,
    "env": [{"name": _TEXT}],
    "volumeMounts": [{"name": _TEXT, "mountPath": _TEXT}],
    "terminationMessagePath": _TEXT,
    "securityContext": {},
    "resources": {"limits": {}, "requests": {}},
}
_TERMS: Final[dict[str, Any]] = {"nodeSelectorTerms": [{"matchFields": [{}]}]}
_NODE_AFFINITY: Final[dict[str, Any]] = {
    "requiredDuringSchedulingIgnoredDuringExecution": _TERMS,
    "preferredDuringSchedulingIgnoredDuringExecution": [{}],
}
_POD: Final[dict[str, Any]] = {
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "volumes": [{"name": _TEXT}],
    "securityContext": {},
}
_ADDED_TO: Final[dict[str, Any]] = {"metadata": {"labels": {}, "annotations": {}}, "spec": _POD}
_READ: Final[dict[str, Any]] = {**_ADDED_TO, "spec": {**_POD, "affinity": {"nodeAffinity": _NODE_AFFINITY}}}


def misshapen(template: Any, place: Place) -> Finding | None:
    """The first part of a template that is of another kind than in a pod."""
    return _look(_without_nulls(template, _READ), _READ, place)


def without_nulls(template: Any) -> Any:
    """A copy without keys that this house adds to and that have nothing behind them; the rest is as it was."""
    return _without_nulls(template, _ADDED_TO)


def _without_nulls(value: Any, shape: Any) -> Any:
    if isinstance(value, dict) and isinstance(shape, dict):
        kept = {name: each for name, each in value.items() if each is not None or name not in shape}
        return {name: _without_nulls(each, shape.get(name)) for name, each in kept.items()}
    if isinstance(value, list):
        inner = shape[0] if isinstance(shape, list) else None
        return [_without_nulls(each, inner) for each in value]
    return copy.deepcopy(value)


def _look(value: Any, shape: Any, place: Place) -> Finding | None:
    if shape is _TEXT:
        return None if isinstance(value, str) else _of_another_kind("text", value, place)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return _of_another_kind("a list", value, place)
        inner = ((each, shape[0], place / index) for index, each in enumerate(value))
    elif not isinstance(value, dict):
        return _of_another_kind("a mapping", value, place)
    else:
        inner = ((value[name], each, place / name) for name, each in shape.items() if name in value)
    return next((found for part in inner if (found := _look(*part))), None)


def _of_another_kind(wanted: str, value: Any, place: Place) -> Finding:
    remedy = "write it as in a pod; `kubectl explain pod` has every field"
    return Finding(Rule.WRONG_KIND, place, f"must be {wanted}, not {kind_of(value)}", remedy)
