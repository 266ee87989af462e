"""What W&B records of a run: each parameter's value under its name, nested ones as one mapping, in W&B's order."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.wandb_parameters import run_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.sweep.parameter import Parameter


def recorded_values(choices: Iterable[tuple[Parameter, Any]]) -> dict[str, Any]:
    """The record of a run that tries these values: sorted by name, nested parameters behind the others."""
    plain: dict[str, Any] = {}
    nested: dict[str, Any] = {}
    for parameter, value in sorted(choices, key=lambda choice: choice[0].path):
        group = plain if len(parameter.path) == 1 else nested
        _join(group, run_values(parameter, copy.deepcopy(value)))
    return {name: plain[name] for name in sorted(plain)} | nested


def _join(record: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(record.get(name), dict):
            _join(record[name], value)
        else:
            record[name] = value
