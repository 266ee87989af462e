"""A scan on its way through Kubernetes, which keeps mappings in alphabetical order and stores 1.0 as 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.base_config import BASE_CONFIG
from wandbsweep.sweep.kubernetes_yaml import as_json_stores_it
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report


def for_kubernetes(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A sound scan that means the same under spec.sweep: its parameters are a list, and what would change is text."""
    parameters = definition["parameters"]
    items = [{"key": key, **body} for key, body in parameters.items()] if isinstance(parameters, dict) else parameters
    changed: dict[str, Any] = {"parameters": [_with_exact_values(item) for item in items]}
    if isinstance(definition.get(BASE_CONFIG), dict) and _is_changed(definition[BASE_CONFIG]):
        changed[BASE_CONFIG] = json.dumps(definition[BASE_CONFIG], indent=4)
    return {**definition, **changed}


def _with_exact_values(item: Mapping[str, Any]) -> dict[str, Any]:
    if _is_changed(item.get("value")):
        body = {"values": json.dumps([item["value"]]), "name": item.get("name", "")}
        return {**{key: value for key, value in item.items() if key != "value"}, **body}
    return {key: json.dumps(value) if key == "values" and _is_changed(value) else value for key, value in item.items()}


def _is_changed(value: Any) -> bool:
    return not isinstance(value, str) and json.dumps(value) != json.dumps(as_json_stores_it(value))


def check_order(section: Any, parameters: Sequence[Parameter], place: Place, report: Report) -> None:
    """Warn of a mapping in an object of Kubernetes, where its order matters."""
    ordered = [each for each in parameters if each.column and (each.column.short_name or not each.is_constant)]
    if isinstance(section, dict) and len(ordered) > 1:
        message = "are a mapping, which Kubernetes keeps in alphabetical order: so are the trials and their names"
        report.add(Rule.ORDER_LOST, place, message, "write a list of {key: ..., values: ...}")
