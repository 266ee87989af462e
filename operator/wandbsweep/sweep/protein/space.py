"""The space that Protein searches: every range laid out on a coordinate from -1 to 1, and back.

A distribution names the scale on which a range is even: plain, in logarithms, in powers of two, or in logarithms of the
distance to 1. `mean` is where the search starts; `scale` is half the width of the box around it, in coordinates.

Standard library only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandbsweep.sweep.parameter import Parameter

INT_UNIFORM: Final = "int_uniform"
LOG_NORMAL: Final = "log_normal"
LOGIT_NORMAL: Final = "logit_normal"
UNIFORM: Final = "uniform"
UNIFORM_POW2: Final = "uniform_pow2"


@dataclass(frozen=True)
class _Scale:
    """How a distribution spreads its values: `spread` is even in them, `value` leads back."""

    spread: Callable[[float], float]
    value: Callable[[float], Any]


_SCALES: Final[Mapping[str, _Scale]] = {
    UNIFORM: _Scale(float, float),
    INT_UNIFORM: _Scale(float, round),
    UNIFORM_POW2: _Scale(math.log2, lambda exponent: 2 ** round(exponent)),
    LOG_NORMAL: _Scale(math.log, math.exp),
    LOGIT_NORMAL: _Scale(lambda value: math.log1p(-value), lambda spread: -math.expm1(spread)),
}

RANGES: Final = tuple(_SCALES)
"""The distributions that draw from a range."""
WHOLE: Final = frozenset({INT_UNIFORM, UNIFORM_POW2})
"""Those that draw whole numbers."""


@dataclass(frozen=True)
class Space:
    """One range. Coordinates beyond -1 and 1 stand for the bounds."""

    distribution: str
    low: float
    high: float
    mean: float
    scale: float

    def coordinate(self, value: float) -> float:
        """Where a value of the range lies, from -1 for the least to 1. Raises ValueError outside the range."""
        if not self.low <= value <= self.high:
            raise ValueError(f"{value} is not between {self.low} and {self.high}")
        # Halved, because the width of a range from -1e308 to 1e308 is no float.
        least, width = self._spread(self.low) / 2, self._spread(self.high) / 2 - self._spread(self.low) / 2
        return 2 * (self._spread(value) / 2 - least) / width - 1 if width else 0.0

    def value(self, coordinate: float) -> Any:
        """The value that lies there: an int for whole numbers, never outside the range, the mean at its own place."""
        if coordinate == self.center:
            return self.mean
        share = (min(max(coordinate, -1.0), 1.0) + 1) / 2
        if share in (0.0, 1.0):
            return self.high if share else self.low
        spread = self._spread(self.low) * (1 - share) + self._spread(self.high) * share
        return min(max(_SCALES[self.distribution].value(spread), self.low), self.high)

    @cached_property
    def center(self) -> float:
        """The coordinate of the mean, where the search starts."""
        return self.coordinate(self.mean)

    def _spread(self, value: float) -> float:
        return _SCALES[self.distribution].spread(value)


def middle(distribution: str, low: float, high: float) -> Any:
    """The value in the middle of a range, as its distribution spreads it: the mean of a range that names none."""
    return Space(distribution, low, high, mean=low, scale=1).value(0.0)


def space_of(parameter: Parameter) -> Space:
    """The range of a parameter of method protein that has one: `parameter.values` is None."""
    settings = parameter.settings
    return Space(parameter.distribution, settings["min"], settings["max"], settings["mean"], settings["scale"])
