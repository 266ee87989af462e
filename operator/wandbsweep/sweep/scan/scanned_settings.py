"""What was scanned, told from the configurations that came of it: settings, values, and which changed together."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_Path = tuple[str, ...]


class NoScanError(ValueError):
    """These configurations are no scan, or none that can be read back; the message says why."""


@dataclass(frozen=True)
class Setting:
    """One setting with what it was in each configuration."""

    path: _Path
    label: str
    """Its short name; empty if it has none."""
    values: tuple[Any, ...]
    shown: tuple[Any, ...] | None
    """What stood for each value; None: the values themselves."""

    @property
    def varies(self) -> bool:
        return len(set(self.codes)) > 1

    @property
    def codes(self) -> tuple[str, ...]:
        """Equal where the configurations do not differ in it."""
        shown = self.shown or self.values
        return tuple(json.dumps(pair, sort_keys=True) for pair in zip(self.values, shown, strict=True))


def settings_of(
    configs: Sequence[Mapping[str, Any]], labels: Sequence[str], shown: Sequence[Sequence[Any]]
) -> list[Setting]:
    """The settings that differ between configurations, and those that have a label, which come in the labels' order.

    Args:
        configs: one for each trial, without what the trial's name and its labels are.
        labels: short names of settings.
        shown: for each configuration what stands for the labels' values: a value itself, or its name.
    """
    known = _values_by_path(configs)
    free = [path for path, values in known.items() if _differ(values) and not _sections(values)]
    found: dict[int, Setting] = {}
    open_to = known
    told = [tuple(row[index] for row in shown) for index in range(len(labels))]
    for by_value in (True, False):
        for index in (each for each in range(len(labels)) if each not in found):
            path = _path_of(told[index], open_to, free, by_value=by_value)
            if path is not None:
                values = tuple(known[path])
                found[index] = Setting(path, labels[index], values, None if by_value else told[index])
                open_to = {each: item for each, item in open_to.items() if not _overlap(each, path)}
                free = [each for each in free if each in open_to]
    for index in (each for each in range(len(labels)) if each not in found):
        raise NoScanError(f"no setting changes as {labels[index]!r} of hp_keys does")
    named = [found[index] for index in range(len(labels))]
    return [*named, *(Setting(path, "", tuple(known[path]), None) for path in free)]


def _values_by_path(configs: Sequence[Mapping[str, Any]]) -> dict[_Path, list[Any]]:
    """Of every setting and section that all configurations have."""
    found: dict[_Path, list[Any]] = {}
    for config in configs:
        for path, value in _walk(config, ()):
            found.setdefault(path, []).append(value)
    return {path: values for path, values in found.items() if len(values) == len(configs)}


def _walk(section: Mapping[str, Any], prefix: _Path) -> Iterator[tuple[_Path, Any]]:
    for key, value in section.items():
        path = (*prefix, key)
        yield path, value
        if isinstance(value, dict):
            yield from _walk(value, path)


def _differ(values: Sequence[Any]) -> bool:
    return len({json.dumps(value, sort_keys=True) for value in values}) > 1


def _sections(values: Sequence[Any]) -> bool:
    """Sections whose keys are the same everywhere differ in a setting below."""
    return all(isinstance(value, dict) for value in values) and len({frozenset(value) for value in values}) == 1


def _overlap(one: _Path, other: _Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _path_of(
    told: tuple[Any, ...], known: Mapping[_Path, list[Any]], free: Sequence[_Path], *, by_value: bool
) -> _Path | None:
    """The setting that a label stands for: it has these values, or each of its values has one of these names."""
    if by_value:
        same = [path for path, values in known.items() if json.dumps(values) == json.dumps(list(told))]
        return next((path for path in same if path in free), same[0] if same else None)
    for path in free:
        pairs = {json.dumps(pair) for pair in zip(known[path], told, strict=True)}
        if len(pairs) == len({json.dumps(value) for value in known[path]}):
            return path
    return None


@dataclass(frozen=True)
class Group:
    """Settings that change together, the slowest group first."""

    settings: tuple[Setting, ...]
    rows: tuple[int, ...]
    """The configurations in which each of its combinations is met first."""
    rank: int


def crossed(settings: Sequence[Setting], count: int) -> list[Group] | None:
    """Groups whose product is exactly these configurations, `count` of them; None if there are none."""
    families: list[list[Setting]] = []
    for setting in (each for each in settings if each.varies):
        bound = [family for family in families if any(_together(setting, member) for member in family)]
        families = [family for family in families if family not in bound]
        families.append([*(member for family in bound for member in family), setting])
    rows = [_first_rows(family) for family in families]
    points = {tuple(setting.codes[row] for family in families for setting in family) for row in range(count)}
    if len(points) != count or math.prod(map(len, rows)) != count:
        return None
    order = sorted(range(len(families)), key=lambda each: -rows[each][1])
    return [Group(tuple(families[each]), rows[each], rank) for rank, each in enumerate(order)]


def zipped(settings: Sequence[Setting], count: int) -> list[Group]:
    """All in one group, one combination for each configuration, in their order."""
    return [Group(tuple(setting for setting in settings if setting.varies), tuple(range(count)), 0)]


def _together(one: Setting, other: Setting) -> bool:
    met = len(set(zip(one.codes, other.codes, strict=True)))
    return met < len(set(one.codes)) * len(set(other.codes))


def _first_rows(family: Sequence[Setting]) -> tuple[int, ...]:
    first: dict[tuple[str, ...], int] = {}
    for row, codes in enumerate(zip(*(setting.codes for setting in family), strict=True)):
        first.setdefault(codes, row)
    return tuple(first.values())
