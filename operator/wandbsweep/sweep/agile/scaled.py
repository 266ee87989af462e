"""Reads scaled dictionaries, AGILE's way to sweep over a whole mapping of numbers by one factor.

    p_gain_leg:
      min: 0.5
      max: 2.0
      p_gain_leg_cli_path: {value: env.scene.robot.actuators.legs.stiffness}
      p_gain_leg_base_dict: {value: '{".*_hip_yaw_joint": 100.0, ".*_knee_joint": 200.0}'}

The two companions stand inside the parameter, or beside it as W&B gets them, always at the top of the section.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wandbsweep.sweep.agile.base_values import read_base
from wandbsweep.sweep.parameter import ScaledDictionary
from wandbsweep.sweep.problems import Place, Report, kind_of
from wandbsweep.sweep.reading.distributions import CONSTANT
from wandbsweep.sweep.rendering.scaling import BASE_ENDING, TARGET_ENDING, companions
from wandbsweep.sweep.rendering.spelling import is_hydra_path
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.numbers import checked_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.parameter import Parameter

_EXAMPLES: Final[Mapping[str, str]] = {
    TARGET_ENDING: "{value: <path of the setting that the program takes>}",
    BASE_ENDING: "{value: <mapping of base values, as JSON or YAML text>}",
}


class Part(NamedTuple):
    """A companion as it is written."""

    written: Any
    place: Place


_Reader = Callable[[Any, Place, Report], "tuple[Parameter, ...]"]


def read_scaled_parameters(read: _Reader, section: Any, place: Place, report: Report) -> tuple[Parameter, ...]:
    """The parameters of a section, each with what it scales; `read` reads them once their companions are set aside."""
    if not isinstance(section, dict):
        return read(section, place, report)
    beside = {name: _parts(name, section, place) for name in section}
    companions_beside = {key for parts in beside.values() for key in parts}
    plain: dict[str, Any] = {}
    scaled: dict[tuple[str, ...], ScaledDictionary | None] = {}
    for name, body in section.items():
        if name not in companions_beside:
            parts = _all_parts(name, body, beside[name], place / name, report)
            plain[name] = _without_companions(body) if parts else body
            scaled[name,] = _read_scaled(name, parts, place / name, report) if parts else None
        elif beside[name]:
            message = "belongs to a scaled dictionary and cannot be one itself"
            report.add(Rule.PARAMETER_NAME, place / name, message, "call one of them otherwise")
    parameters = read(plain, place, report)
    joined = tuple(replace(parameter, scaled=scaled.get(parameter.path)) for parameter in parameters)
    _check(joined, report)
    return joined


def _parts(name: str, holder: Mapping[str, Any], place: Place) -> dict[str, Part]:
    return {key: Part(holder[key], place / key) for key in companions(name) if key in holder}


def _all_parts(name: str, body: Any, beside: dict[str, Part], place: Place, report: Report) -> dict[str, Part]:
    """The companions of a parameter: those beside it, and those among its settings."""
    if not isinstance(body, dict):
        return beside
    within = _parts(name, body, place)
    for key in (key for key in within if key in beside):
        report.add(Rule.INVALID_VALUE, place / key, "is written beside the parameter too", "remove one of the two")
    for ending, right in zip(_EXAMPLES, companions(name), strict=True):
        for key in (key for key in body if f"_{key}".endswith(ending) and key != right):
            message = f"does not begin with the name of its parameter, {name}"
            report.add(Rule.UNKNOWN_KEY, place / key, message, f"call it {right}")
            within[key] = Part(body[key], place / key)
    parts = {**beside, **within}
    if parts and "parameters" in body:
        message = "is a group of parameters, and a scaled dictionary is multiplied by one"
        report.add(Rule.NOT_A_NUMBER, place, message, "give it a range of its own")
    return parts


def _without_companions(body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    return {key: value for key, value in body.items() if not f"_{key}".endswith((TARGET_ENDING, BASE_ENDING))}


def _read_scaled(name: str, parts: Mapping[str, Part], place: Place, report: Report) -> ScaledDictionary | None:
    keys = companions(name)
    if any(key not in keys for key in parts):
        return None
    for key, example in zip(keys, _EXAMPLES.values(), strict=True):
        if key not in parts:
            message = f"is missing, and {next(iter(parts))} is there: a scaled dictionary needs both"
            report.add(Rule.MISSING_KEY, place / key, message, f"add {key}: {example}")
            return None
    target, base = (_unwrapped(parts[key]) for key in keys)
    setting = _read_target(target, report)
    values = read_base(base.written, base.place, report)
    return ScaledDictionary(setting, values.values, values.text) if setting and values else None


def _unwrapped(part: Part) -> Part:
    """What stands under `value`; a companion may also be written without it."""
    written = part.written
    constant = isinstance(written, dict) and "value" in written and written.keys() <= {"value", "distribution"}
    if constant and written.get("distribution", CONSTANT) == CONSTANT:
        return Part(written["value"], part.place / "value")
    return part


def _read_target(part: Part, report: Report) -> str | None:
    if not isinstance(part.written, str):
        message = f"must be the path of one setting, not {kind_of(part.written)}"
        report.add(Rule.WRONG_KIND, part.place, message, f"write {_EXAMPLES[TARGET_ENDING]}")
    elif not is_hydra_path(part.written):
        message = f"Hydra cannot read the path {part.written!r}"
        report.add(Rule.PARAMETER_NAME, part.place, message, "use a path such as env.legs.stiffness")
    else:
        return part.written
    return None


def _check(parameters: tuple[Parameter, ...], report: Report) -> None:
    """What is multiplied must be a number, and no two parameters may set the same thing."""
    names = Counter(parameter.argument for parameter in parameters)
    for parameter in (parameter for parameter in parameters if parameter.scaled):
        for value, place in zip(parameter.values or (), parameter.value_places, strict=True):
            checked_number(value, place, report, remedy="a scaled dictionary is multiplied by it")
        if names[parameter.argument] > 1:
            message = f"scales {parameter.argument}, which another parameter sets too"
            report.add(Rule.SAME_SETTING, parameter.place, message, "remove one of the two")
