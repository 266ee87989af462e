"""A scan on its way through Kubernetes, which keeps mappings in alphabetical order and stores 1.0 as 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.reading.base_config import BASE_CONFIG
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.kubernetes import as_json_stores_it

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report


def for_kubernetes(scan: Mapping[str, Any]) -> dict[str, Any]:
    """A scan that keeps its meaning under spec.sweep: its parameters are a list, and what would change is text.

    What makes no sense stays as it is, for its reader to say so.
    """
    changed: dict[str, Any] = {}
    section = scan.get("parameters")
    if isinstance(section, dict) and all(isinstance(body, dict) for body in section.values()):
        section = [{"key": key, **body} for key, body in section.items()]
    if isinstance(section, list):
        changed["parameters"] = [_with_exact_values(item) if isinstance(item, dict) else item for item in section]
    return {**exact_base_config(scan), **changed}


def exact_base_config(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with its base configuration as text where Kubernetes would change the mapping."""
    base = definition.get(BASE_CONFIG)
    if isinstance(base, dict) and base.keys() != {"configMapKeyRef"} and _is_changed(base):
        return {**definition, BASE_CONFIG: json.dumps(base, indent=4)}
    return dict(definition)


def _with_exact_values(item: Mapping[str, Any]) -> dict[str, Any]:
    if "value" in item and _is_changed(item["value"]):
        rest = {key: value for key, value in item.items() if key != "value"}
        return {"name": "", **rest, "values": json.dumps([item["value"]])}
    values = item.get("values")
    return {**item, "values": json.dumps(values)} if isinstance(values, list) and _is_changed(values) else dict(item)


def _is_changed(value: Any) -> bool:
    return json.dumps(value) != json.dumps(as_json_stores_it(value))


def check_order(section: Any, parameters: Sequence[Parameter], place: Place, report: Report) -> None:
    """Warn of a mapping in an object of Kubernetes, where its order matters."""
    ordered = [each for each in parameters if each.column and (each.column.short_name or not each.is_constant)]
    if isinstance(section, dict) and len(ordered) > 1:
        message = "are a mapping, which Kubernetes keeps in alphabetical order: so are the trials and their names"
        report.add(Rule.ORDER_LOST, place, message, "write a list of {key: ..., values: ...}")
