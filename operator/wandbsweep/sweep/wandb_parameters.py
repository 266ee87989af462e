"""Writes parameters as W&B takes them. For a definition in W&B's own form this is what the user wrote."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.rendering.scaling import companions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.sweep.parameter import Parameter


def wandb_parameters(parameters: Iterable[Parameter]) -> dict[str, Any]:
    """The `parameters` section of W&B's configuration, nested where the parameters are."""
    section: dict[str, Any] = {}
    for parameter in parameters:
        *parents, name = parameter.path
        group = section
        for parent in parents:
            group = group.setdefault(parent, {"parameters": {}})["parameters"]
        group[name] = _body(parameter)
        group.update({key: {"value": value} for key, value in _companions(parameter).items()})
    return section


def run_values(parameter: Parameter, value: Any) -> dict[str, Any]:
    """What W&B records of a parameter when a run tries this value: nested values as one mapping."""
    for name in reversed(parameter.path[1:]):
        value = {name: value}
    return {parameter.path[0]: value, **_companions(parameter)}


def _body(parameter: Parameter) -> dict[str, Any]:
    left_open = parameter.implied and not _is_ambiguous(parameter)
    named = {} if left_open else {"distribution": parameter.distribution}
    return copy.deepcopy({**named, **parameter.settings})


def _is_ambiguous(parameter: Parameter) -> bool:
    """From 0.5 and 2 the SDK cannot tell the distribution; the user may have said 2.0, which Kubernetes stores as 2."""
    bounds = [parameter.settings[key] for key in ("min", "max") if key in parameter.settings]
    return len({type(bound) for bound in bounds}) > 1


def _companions(parameter: Parameter) -> dict[str, str]:
    if parameter.scaled is None:
        return {}
    texts = (parameter.scaled.target, parameter.scaled.base_text)
    return dict(zip(companions(parameter.path[0]), texts, strict=True))
