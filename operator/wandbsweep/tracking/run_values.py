"""Takes values out of a run's config and summary, which are JSON texts inside an answer."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def metric_value(summary: Mapping[str, Any], name: str) -> float | None:
    """The metric as logged under its own name, or inside mappings along the dots of its name; None unless finite."""
    value: Any = summary.get(name)
    if name not in summary:
        value = summary
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def sampled(run_config: Mapping[str, Any], sweep_config: Mapping[str, Any]) -> dict[str, Any]:
    """What the sweep chose for a run, without the rest of the trainer's config."""
    parameters = sweep_config.get("parameters")
    names = parameters if isinstance(parameters, dict) else {}
    return {name: _plain(run_config[name]) for name in names if name in run_config}


def json_mapping(value: object) -> Mapping[str, Any]:
    """A JSON text inside the answer; bare NaN and Infinity occur there and are kept as words."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_constant=str)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _plain(entry: Any) -> Any:
    """A value as it stands in a run's config, where each is wrapped together with its description."""
    return entry["value"] if isinstance(entry, dict) and "value" in entry else entry
