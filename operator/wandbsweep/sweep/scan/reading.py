"""`method: scan`: every trial is known beforehand, with its name.

Parameters of one group change together, groups are crossed, and the first group is the slowest. Order and names are
those of robomimic's ConfigGenerator. The order is that of the parameters, which are a mapping or, since Kubernetes
keeps mappings in alphabetical order, a list.
"""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.parameter import Column, Parameter
from wandbsweep.sweep.problems import did_you_mean, kind_of
from wandbsweep.sweep.reading.distributions import CATEGORICAL, CONSTANT
from wandbsweep.sweep.reading.settings import check_settings
from wandbsweep.sweep.rendering.cell import Cell
from wandbsweep.sweep.rendering.config_file import split_key
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from wandbsweep.sweep.problems import Place, Report

MOST_TRIALS: Final = 1000
"""All of them stand in the configuration that W&B stores."""

PARAMETER_KEYS: Final = ("values", "value", "group", "name", "value_names", "hidename")


def read_scan(section: Any, place: Place, report: Report) -> tuple[Parameter, ...]:
    """The parameters of a scan, in the order in which they were written; what is wrong goes into the report."""
    if isinstance(section, dict) and section:
        bodies = [(key, body, place / key) for key, body in section.items()]
    elif isinstance(section, list) and section:
        bodies = list(_read_items(section, place, report))
    else:
        message = f"must be a mapping, not {kind_of(section)}" if section else "is missing"
        remedy = "name at least one parameter, for example algo.rnn.horizon: {values: [10, 20]}"
        report.add(Rule.WRONG_KIND if section else Rule.MISSING_KEY, place, message, remedy)
        return ()
    found = [_read_parameter(key, body, spot, report) for key, body, spot in bodies]
    parameters = tuple(parameter for parameter in found if parameter)
    _check_keys(parameters, report)
    _check_groups(parameters, report)
    return parameters


def _read_items(section: list[Any], place: Place, report: Report) -> Iterator[tuple[str, Any, Place]]:
    """Items such as {key: algo.rnn.horizon, values: [10, 20]}."""
    for index, item in enumerate(section):
        key = item.get("key") if isinstance(item, dict) else None
        if isinstance(key, str):
            yield key, {name: value for name, value in item.items() if name != "key"}, place / index
        else:
            message = "does not say which setting it changes"
            report.add(Rule.MISSING_KEY, place / index / "key", message, "write key: algo.rnn.horizon or the like")


def _read_parameter(key: str, body: Any, place: Place, report: Report) -> Parameter | None:
    if not isinstance(body, dict):
        remedy = f"write {{{'values' if isinstance(body, list) else 'value'}: {json.dumps(body)}}}"
        report.add(Rule.WRONG_KIND, place, f"must be a mapping, not {kind_of(body)}", remedy)
        return None
    before = len(report.errors)
    if not all(split_key(key)):
        message = "a key is made of names with one / or . between them"
        report.add(Rule.PARAMETER_NAME, place, message, "remove the empty name")
    for unknown in (each for each in body if each not in PARAMETER_KEYS):
        remedy = did_you_mean(unknown, PARAMETER_KEYS, f"a parameter of a scan takes {', '.join(PARAMETER_KEYS)}")
        report.add(Rule.UNKNOWN_KEY, place / unknown, "a scan has no such setting", remedy)
    distribution, settings = _read_values(body, place, report)
    column = _read_column(key, body, place, report)
    if len(report.errors) > before:
        return None
    return Parameter((key,), distribution, settings, place, implied=True, column=column)


def _read_values(body: Mapping[str, Any], place: Place, report: Report) -> tuple[str, dict[str, Any]]:
    if "values" in body and "value" in body:
        report.add(Rule.INVALID_VALUE, place / "value", "cannot stand beside values", "remove one of the two")
    distribution, key = (CONSTANT, "value") if "value" in body and "values" not in body else (CATEGORICAL, "values")
    settings = {key: body[key]} if key in body else {}
    text = settings.get("values")
    if isinstance(text, str) and text.lstrip().startswith("["):
        try:
            settings["values"] = json.loads(text)
        except ValueError as error:
            report.add(Rule.UNREADABLE, place / key, f"is not JSON: {error}", "write a list")
            return distribution, {}
    check_settings(settings, distribution, place, report)
    return distribution, settings


def _read_column(key: str, body: Mapping[str, Any], place: Place, report: Report) -> Column:
    group = body.get("group")
    if isinstance(group, (list, dict)):
        remedy = "give parameters that change together the same number or text"
        report.add(Rule.WRONG_KIND, place / "group", f"must be a number or text, not {kind_of(group)}", remedy)
        group = None
    short_name = body.get("name", "" if "value" in body else split_key(key)[-1])
    if not isinstance(short_name, str):
        remedy = "put it in quotes; '' leaves the parameter out of names"
        report.add(Rule.WRONG_KIND, place / "name", f"must be text, not {kind_of(short_name)}", remedy)
    hidden = body.get("hidename", False)
    if not isinstance(hidden, bool):
        report.add(Rule.WRONG_KIND, place / "hidename", f"must be true or false, not {kind_of(hidden)}")
    return Column(group, str(short_name), _read_value_names(body, place, report), bool(hidden))


def _read_value_names(body: Mapping[str, Any], place: Place, report: Report) -> tuple[str | int, ...] | None:
    names, place = body.get("value_names"), place / "value_names"
    if names is None:
        return None
    if not isinstance(names, list):
        report.add(Rule.WRONG_KIND, place, f"must be a list, not {kind_of(names)}", "give one name for each value")
        return None
    for index, name in enumerate(names):
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            message = f"must be text, and YAML reads this as {kind_of(name)}"
            report.add(Rule.WRONG_KIND, place / index, message, "put it in quotes")
    values = body.get("values", [body.get("value")])
    if isinstance(values, list) and len(values) != len(names):
        message = f"has {len(names)} names, and there are {len(values)} values"
        report.add(Rule.UNEQUAL_LENGTHS, place, message, "give one name for each value")
    return tuple(names)


def _check_keys(parameters: Sequence[Parameter], report: Report) -> None:
    first: dict[tuple[str, ...], Parameter] = {}
    for parameter in parameters:
        twin = first.setdefault(split_key(parameter.path[0]), parameter)
        if twin is not parameter:
            message = f"sets the same thing as {twin.path[0]!r} at {twin.place.path}"
            report.add(Rule.KEY_TWICE, parameter.place, message, "remove one of the two")


def _check_groups(parameters: Sequence[Parameter], report: Report) -> None:
    for members in _groups(parameters).values():
        lengths = {len(parameter.values or ()) for parameter in members}
        if len(lengths) > 1:
            told = ", ".join(f"{parameter.path[0]} has {len(parameter.values or ())}" for parameter in members)
            column = members[0].column
            message = f"the values of group {column.group if column else None!r} are not equally many: {told}"
            remedy = "give each as many values as the others, or a group of its own"
            report.add(Rule.UNEQUAL_LENGTHS, members[-1].place, message, remedy)


def _groups(parameters: Sequence[Parameter]) -> dict[Hashable, list[Parameter]]:
    """In the order of their first members. A parameter without a group is one by itself."""
    groups: dict[Hashable, list[Parameter]] = {}
    for parameter in parameters:
        group = parameter.column.group if parameter.column else None
        groups.setdefault((parameter.path,) if group is None else group, []).append(parameter)
    return groups


def short_names(parameters: Sequence[Parameter]) -> dict[str, str]:
    """The keys in their order, each with the name that stands for it; empty for one that is not told at all."""
    return {parameter.path[0]: parameter.column.short_name if parameter.column else "" for parameter in parameters}


def count(parameters: Sequence[Parameter]) -> int:
    """How many trials the scan has."""
    return math.prod(len(members[0].values or ()) for members in _groups(parameters).values())


def expand(parameters: Sequence[Parameter], base_name: str) -> tuple[Cell, ...]:
    """All trials in the order in which they are handed out. The lengths within a group have to be equal."""
    groups = _groups(parameters)
    ranges = (range(len(members[0].values or ())) for members in groups.values())
    group_of = {member.path: number for number, members in enumerate(groups.values()) for member in members}
    return tuple(
        _cell([(parameter, point[group_of[parameter.path]]) for parameter in parameters], base_name)
        for point in itertools.product(*ranges)
    )


def _cell(choices: Sequence[tuple[Parameter, int]], base_name: str) -> Cell:
    values: dict[str, Any] = {}
    value_names: dict[str, str | int] = {}
    words = [base_name] if base_name else []
    for parameter, index in choices:
        (key,) = parameter.path
        values[key] = (parameter.values or ())[index]
        if parameter.column and parameter.column.value_names:
            value_names[key] = parameter.column.value_names[index]
        words += name_words(parameter, index)
    return Cell("_".join(words), values, value_names)


def name_words(parameter: Parameter, index: int) -> list[str]:
    """What a parameter contributes to the name of a trial that has its value with this index."""
    column = parameter.column
    if column is None or column.hidden or not column.short_name:
        return []
    value = column.value_names[index] if column.value_names else (parameter.values or ())[index]
    told = "_".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return [column.short_name, told] if told else [column.short_name]
