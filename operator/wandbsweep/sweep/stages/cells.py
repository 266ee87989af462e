"""The cells of a grid stage: all combinations of the values of lists and of places along each range.

Where fewer are tried than there are, those tried are spread over the whole grid, instead of being its first ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.reading.distributions import CATEGORICAL, CONSTANT
from wandbsweep.sweep.stages.axes import Range, axis_of
from wandbsweep.sweep.trials.grid import count_points, grid_point

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wandbsweep.sweep.parameter import Parameter

_GOLDEN: Final = (5**0.5 - 1) / 2
"""Its multiples spread evenly, in whichever number they are taken."""


@dataclass(frozen=True)
class Cells:
    """The cells in the order in which they are tried."""

    parameters: tuple[Parameter, ...]
    """Lists and constants."""
    size: int
    tried: int
    """At most `size`."""

    @classmethod
    def of(cls, parameters: Iterable[Parameter], points: int, cap: int | None) -> Cells:
        listed = tuple(_listed(parameter, points) for parameter in parameters)
        size = count_points(listed)
        return cls(listed, size, size if cap is None else min(size, cap))

    def __len__(self) -> int:
        return self.tried

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self.values, range(self.tried))

    def values(self, number: int) -> dict[str, Any]:
        """What W&B records of a run in this cell."""
        return grid_point(self.parameters, number if self.tried == self.size else number * self._stride % self.size)

    @property
    def _stride(self) -> int:
        """Near the golden share of all cells, and without a divisor in common with their number: it meets each once."""
        near = max(round(self.size * _GOLDEN), 1)
        return next(step for step in range(near, near + self.size) if math.gcd(step, self.size) == 1)


def _listed(parameter: Parameter, points: int) -> Parameter:
    """The parameter as a list of values; of a range as many as asked for, evenly on its scale, both ends included."""
    axis = axis_of(parameter)
    if isinstance(axis, Range):
        shares = [number / (points - 1) for number in range(points)]
        places = [axis.low * (1 - share) + axis.high * share for share in shares]
        values: list[Any] = list(dict.fromkeys(_short(axis.value(place), axis) for place in places))
        return replace(parameter, distribution=CATEGORICAL, settings={"values": values}, implied=True)
    if parameter.distribution == CONSTANT:
        return parameter
    return replace(parameter, distribution=CATEGORICAL, settings={"values": list(parameter.values or ())}, implied=True)


def _short(value: Any, axis: Range) -> Any:
    """Without the noise of logarithms: 0.01, and not 0.010000000000000002."""
    if isinstance(value, int) or value in (axis.least, axis.most):
        return value
    short = float(f"{value:.12g}")
    return short if axis.least < short < axis.most else value
