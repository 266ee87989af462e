"""A grid, point by point, in the order in which W&B hands its points out, without ever holding them all.

W&B sorts the parameters by name at each level; the first one changes slowest. Of values that are the same to it (3.0
and 3, a mapping and the same in another order) it tries one, the last, in the place of the first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from wandbsweep.sweep.reading.distributions import INT_UNIFORM, Q_UNIFORM
from wandbsweep.sweep.trials.recorded import recorded_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wandbsweep.sweep.parameter import Parameter


def grid_points(parameters: Iterable[Parameter]) -> Iterator[dict[str, Any]]:
    """The values of each trial, as W&B records them."""
    ordered = sorted(parameters, key=lambda parameter: parameter.path)
    axes = [axis_of(parameter) for parameter in ordered]
    for number in range(math.prod(map(_size, axes))):
        yield recorded_values(zip(ordered, _choices(axes, number), strict=True))


def grid_point(parameters: Iterable[Parameter], number: int) -> dict[str, Any]:
    """The values of the trial that has this number, from 0 on."""
    ordered = sorted(parameters, key=lambda parameter: parameter.path)
    return recorded_values(zip(ordered, _choices([axis_of(each) for each in ordered], number), strict=True))


def count_points(parameters: Iterable[Parameter]) -> int:
    """How many different points a grid over these parameters has."""
    return math.prod(_size(axis_of(parameter)) for parameter in parameters)


def axis_of(parameter: Parameter) -> Sequence[Any]:
    """The values that a grid tries of one parameter, in order."""
    settings = parameter.settings
    if parameter.distribution == INT_UNIFORM:
        return range(int(settings["min"]), int(settings["max"]) + 1)
    if parameter.distribution == Q_UNIFORM:
        return _Steps(settings["min"], settings["max"], settings.get("q", 1))
    different: dict[str, Any] = {}
    for value in parameter.values or ():
        different[_identity(value)] = value
    return tuple(different.values())


def _identity(value: Any) -> str:
    """Equal for values that are one point to W&B's grid."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


def _size(axis: Sequence[Any]) -> int:
    """As len() does, which ends at sys.maxsize."""
    if isinstance(axis, range):
        return max(0, axis.stop - axis.start)
    return axis.size if isinstance(axis, _Steps) else len(axis)


def _choices(axes: Sequence[Sequence[Any]], number: int) -> list[Any]:
    chosen = []
    for axis in reversed(axes):
        number, index = divmod(number, _size(axis))
        chosen.append(axis[index])
    return chosen[::-1]


class _Steps(Sequence[float]):
    """From low on in equal steps, as numpy.arange computes them, without the upper end."""

    def __init__(self, low: float, high: float, step: float) -> None:
        self._low = low if all(isinstance(number, int) for number in (low, high, step)) else float(low)
        self._step = (self._low + step) - self._low
        self.size = max(0, math.ceil((high - low) / step))

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self.size))]
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self._low + index * self._step if index != 1 else self._low + self._step
