"""What scaled dictionaries come to in a trial: base values, each multiplied by the number that was sampled.

W&B knows no such thing, so a run carries three parameters for one: the number `P`, the setting that the program takes
(`P_cli_path`), and the base values as JSON text (`P_base_dict`). To the program they are one.

Standard library only: this file travels into training containers.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wandbsweep.sweep.rendering.spelling import RenderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TARGET_ENDING: Final = "_cli_path"
BASE_ENDING: Final = "_base_dict"


class Argument(NamedTuple):
    """One value for the program: the parameter it comes from, and the name that the program knows it by."""

    parameter: str
    name: str
    value: Any


def companions(parameter: str) -> tuple[str, str]:
    """The parameters that carry target and base of a scaled dictionary beside its number."""
    return parameter + TARGET_ENDING, parameter + BASE_ENDING


def arguments(args: Mapping[str, Any]) -> Iterator[Argument]:
    """What the program gets of the values of a run, in order. Raises RenderError for a dictionary it cannot scale."""
    scaled = {name for name in args if all(companion in args for companion in companions(name))}
    hidden = {companion for name in scaled for companion in companions(name)}
    for name, value in args.items():
        if name in scaled:
            target, base = (args[companion] for companion in companions(name))
            yield Argument(name, _target(target, name), _scaled(base, value, name))
        elif name not in hidden:
            yield Argument(name, name, value)


def _target(target: Any, name: str) -> str:
    if not isinstance(target, str):
        raise RenderError(f"parameter {name!r}: {name}{TARGET_ENDING} must be the path of a setting, not {target!r}")
    return target


def _scaled(base: Any, factor: Any, name: str) -> dict[str, Any]:
    if isinstance(factor, bool) or not isinstance(factor, (int, float)):
        raise RenderError(f"parameter {name!r}: a scaled dictionary needs a number to multiply by, not {factor!r}")
    values = _read(base, name)
    return {key: _multiply(item, factor, f"parameter {name!r}: {name}{BASE_ENDING}[{key}]") for key, item in values}


def _read(base: Any, name: str) -> list[tuple[str, Any]]:
    where = f"parameter {name!r}: {name}{BASE_ENDING}"
    try:
        values = json.loads(base) if isinstance(base, str) else base
    except (ValueError, RecursionError):
        raise RenderError(f"{where} cannot be read: it must be a mapping as JSON text") from None
    if not isinstance(values, dict):
        raise RenderError(f"{where} must be a mapping of base values, not {values!r:.40}")
    return list(values.items())


def _multiply(value: Any, factor: float, where: str) -> Any:
    if isinstance(value, dict):
        return {key: _multiply(item, factor, f"{where}[{key}]") for key, item in value.items()}
    if isinstance(value, list):
        return [_multiply(item, factor, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RenderError(f"{where} must be a number, not {value!r:.40}")
    try:
        product = float(value) * float(factor)
    except OverflowError:
        product = math.inf
    if not math.isfinite(product):
        raise RenderError(f"{where} multiplied by {factor!r:.40} is no finite number")
    return product
