"""Reads `base_config`: the configuration that all trials have in common, wherever it stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.problems import InvalidSweepError, Place, Report, did_you_mean, kind_of
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.document import read_data, read_document
from wandbsweep.sweep.texts.numbers import warn_of_numbers_as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE_CONFIG: Final = "base_config"
BASE_CONFIG_FILE: Final = "base_config_file"


@dataclass(frozen=True)
class ConfigMapKey:
    """A key of a ConfigMap in the object's own namespace."""

    name: str
    key: str


@dataclass(frozen=True)
class BaseConfig:
    """What the files of all trials begin with."""

    place: Place
    config_map: ConfigMapKey | None
    """Where it stands, if not in the definition itself."""
    content: Mapping[str, Any] | None
    """None: it stands in a ConfigMap that is not at hand."""
    file: str | None
    """Where it came from, as the `meta` section tells it."""


def base_config_source(source: str | Mapping[str, Any]) -> ConfigMapKey | None:
    """The ConfigMap that has to be at hand to read this definition; None for none, and for what is no definition."""
    try:
        config = read_document(source, Place("sweep"))
    except InvalidSweepError:
        return None
    return _reference(config.get(BASE_CONFIG), Place("sweep"), Report())


def read_base_config(
    config: Mapping[str, Any], config_maps: Mapping[tuple[str, str], str], place: Place, report: Report
) -> BaseConfig | None:
    """The base configuration, wherever it stands; None if there is none, or if it cannot be used."""
    file = config.get(BASE_CONFIG_FILE)
    if BASE_CONFIG not in config:
        if file is not None:
            message = "says where base_config came from, and there is none"
            report.add(Rule.UNUSED_BASE_CONFIG, place / BASE_CONFIG_FILE, message, "give base_config, or remove it")
        return None
    given, spot = config[BASE_CONFIG], place / BASE_CONFIG
    before = len(report.errors)
    config_map = _reference(given, spot, report)
    if config_map:
        given = config_maps.get((config_map.name, config_map.key))
        _check_key(config_map, config_maps, spot, report)
        spot = Place(f"ConfigMap {config_map.name}/{config_map.key}", joint=": ")
    if len(report.errors) > before:
        return None
    content = None if config_map and given is None else _content(given, spot, report)
    if len(report.errors) > before:
        return None
    return BaseConfig(spot, config_map, content, file if isinstance(file, str) else None)


def _reference(given: Any, place: Place, report: Report) -> ConfigMapKey | None:
    if not isinstance(given, dict) or given.keys() != {"configMapKeyRef"}:
        return None
    reference = given["configMapKeyRef"]
    if isinstance(reference, dict) and reference.keys() == {"name", "key"}:
        name, key = reference["name"], reference["key"]
        if isinstance(name, str) and name and isinstance(key, str) and key:
            return ConfigMapKey(name, key)
    remedy = "write {configMapKeyRef: {name: <ConfigMap>, key: <key in it>}}"
    report.add(Rule.INVALID_VALUE, place / "configMapKeyRef", "must name a ConfigMap and a key in it", remedy)
    return None


def _check_key(
    config_map: ConfigMapKey, config_maps: Mapping[tuple[str, str], str], place: Place, report: Report
) -> None:
    """A ConfigMap that is at hand must have the key; one that is not may be in the cluster."""
    keys = [key for name, key in config_maps if name == config_map.name]
    if keys and config_map.key not in keys:
        remedy = did_you_mean(config_map.key, keys, f"it has {', '.join(keys)}")
        message = f"ConfigMap {config_map.name} has no key {config_map.key!r}"
        report.add(Rule.MISSING_KEY, place / "configMapKeyRef" / "key", message, remedy)


def _content(given: Any, place: Place, report: Report) -> Mapping[str, Any] | None:
    content = _parse(given, place, report) if isinstance(given, str) else given
    if isinstance(content, dict) and content:
        try:
            content = read_document(content, place)
        except InvalidSweepError as error:
            report.findings.extend(error.findings)
            return None
        if isinstance(given, dict):
            warn_of_numbers_as_text(content, place, report)
        return content
    if content == {}:
        report.add(Rule.EMPTY, place, "is empty", "write the sections that the parameters' keys lead through")
    elif not report.errors:
        remedy = "write the configuration, its text as JSON or YAML, or {configMapKeyRef: {name: ..., key: ...}}"
        report.add(Rule.WRONG_KIND, place, f"must be a mapping, not {kind_of(content)}", remedy)
    return None


def _parse(text: str, place: Place, report: Report) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    try:
        return read_data(text, place)
    except InvalidSweepError as error:
        if text.lstrip().startswith("{"):
            report.add(Rule.UNREADABLE, place, f"is neither YAML nor JSON: {reason}")
        else:
            report.findings.extend(error.findings)
    return None
