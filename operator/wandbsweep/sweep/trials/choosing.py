"""One trial as a person asks for it: values by name, as W&B records them or with dots between nested names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.problems import did_you_mean
from wandbsweep.sweep.rendering.cell import sent_cell
from wandbsweep.sweep.rendering.config_file import split_key
from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.sweep.rendering.scaling import companions
from wandbsweep.sweep.texts.numbers import is_number
from wandbsweep.sweep.trials.recorded import recorded_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.rendering.cell import Cell

_MOST_NAMES: Final = 5


class ChoiceError(ValueError):
    """The values do not make one trial; `messages` say what is missing or not there, each with its remedy."""

    def __init__(self, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


def chosen_values(definition: SweepDefinition, given: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a run with these values, constants filled in. Raises ChoiceError."""
    by_name = {".".join(parameter.path): parameter for parameter in definition.parameters}
    beside = {key for each in definition.parameters if each.scaled for key in companions(each.path[0])}
    values, unknown = dict[str, Any](), list[str]()
    for name, value in _leaves(given, by_name):
        if name in by_name or name in beside:
            values[name] = value
        else:
            remedy = did_you_mean(name, by_name, f"it has {', '.join(by_name)}")
            unknown.append(f"the sweep has no parameter {name!r}; {remedy}")
    missing = [
        f"parameter {name!r} has no value; give it with --set {name}=... or in --values"
        for name, parameter in by_name.items()
        if name not in values and not parameter.is_constant
    ]
    if unknown or missing:
        raise ChoiceError(*unknown, *missing)
    choices = [(parameter, values.get(name, _constant(parameter))) for name, parameter in by_name.items()]
    return recorded_values(choices) | {name: values[name] for name in beside if name in values}


def _leaves(given: Mapping[str, Any], known: Mapping[str, Parameter], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings are looked into as far as the names of parameters lead through them."""
    for key, value in given.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and any(each.startswith(f"{name}.") for each in known) and name not in known:
            yield from _leaves(value, known, f"{name}.")
        else:
            yield name, value


def _constant(parameter: Parameter) -> Any:
    return parameter.settings.get("value")


def chosen_cell(definition: SweepDefinition, given: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """The record of the one trial of a scan that has this name and these values. Raises ChoiceError."""
    cells: Sequence[Cell] = definition.trials
    if name is not None:
        names = [cell.name for cell in cells]
        if name not in names:
            raise ChoiceError(f"the scan has no trial {name!r}; {did_you_mean(name, names, f'it has {_few(names)}')}")
        cells = [cell for cell in cells if cell.name == name]
    for word, value in given.items():
        parameter = _parameter_called(word, definition.parameters)
        found = [cell for cell in cells if _has(cell, parameter.path[0], value)]
        if not found:
            told = _few(list(dict.fromkeys(map(json.dumps, parameter.values or ()))))
            raise ChoiceError(f"no trial with the other values has {word} = {json.dumps(value)}; it can be {told}")
        cells = found
    if len(cells) > 1:
        told = _few([cell.name for cell in cells])
        raise ChoiceError(f"{len(cells)} trials are meant: {told}; give more values with --set, or one by --name")
    return {SCAN: sent_cell(cells[0])}


def _parameter_called(word: str, parameters: Sequence[Parameter]) -> Parameter:
    """By its key, however its names are joined, or by its short name."""
    for parameter in parameters:
        if split_key(parameter.path[0]) == split_key(word):
            return parameter
    for parameter in parameters:
        if parameter.column and parameter.column.short_name == word:
            return parameter
    keys = [parameter.path[0] for parameter in parameters]
    raise ChoiceError(f"the scan has no parameter {word!r}; {did_you_mean(word, keys, f'it has {_few(keys)}')}")


def _has(cell: Cell, key: str, value: Any) -> bool:
    own = cell.values[key]
    if is_number(own) and is_number(value):
        return bool(own == value)
    spellings = (json.dumps(value), value if isinstance(value, str) else None)
    return json.dumps(own) == spellings[0] or str(cell.value_names.get(key, own)) in spellings


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
