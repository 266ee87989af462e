"""The keys at the top of a definition, and the checks of those that need no reader of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.problems import Place, Report, did_you_mean, kind_of
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _check_text(value: Any, place: Place, report: Report) -> None:
    if not isinstance(value, str):
        remedy = "remove the key" if value is None else ""
        report.add(Rule.WRONG_KIND, place, f"must be text, not {kind_of(value)}", remedy)


def _check_kind(value: Any, place: Place, report: Report) -> None:
    if value != "sweep":
        report.add(Rule.INVALID_VALUE, place, f"must be 'sweep' or be left out, not {value!r}")


def _check_controller(value: Any, place: Place, report: Report) -> None:
    if not isinstance(value, dict) or value.get("type") != "cloud":
        message = "only type: cloud works here, since no local controller runs beside the agents"
        report.add(Rule.UNSUPPORTED, place, message, "remove it")


def _accept(_value: Any, _place: Place, _report: Report) -> None:
    """For keys that have a reader of their own."""


_KEYS: Final[Mapping[str, Callable[[Any, Place, Report], None]]] = {
    "method": _accept,
    "parameters": _accept,
    "protein": _accept,
    "stages": _accept,
    "metric": _accept,
    "command": _accept,
    "early_terminate": _accept,
    "run_cap": _accept,
    "base_config": _accept,
    "base_config_file": _check_text,
    "program": _check_text,
    "name": _check_text,
    "description": _check_text,
    "entity": _check_text,
    "project": _check_text,
    "apiVersion": _check_text,
    "job": _check_text,
    "image_uri": _check_text,
    "kind": _check_kind,
    "controller": _check_controller,
    "metrics": _accept,
    "scheduler": _accept,
}


def check_keys(config: Mapping[str, Any], place: Place, report: Report) -> None:
    """Keys that nobody knows, and plain keys whose values cannot be used."""
    for key, value in config.items():
        if key in _KEYS:
            _KEYS[key](value, place / key, report)
        else:
            report.add(Rule.UNKNOWN_KEY, place / key, "W&B knows no such key", did_you_mean(key, _KEYS, "remove it"))
