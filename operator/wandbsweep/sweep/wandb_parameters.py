"""Writes parameters as W&B takes them. For a definition in W&B's own form this is what the user wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    return section


def _body(parameter: Parameter) -> dict[str, Any]:
    named = {} if parameter.implied else {"distribution": parameter.distribution}
    return {**named, **parameter.settings}
