"""Where the values of a parameter lie: on the scale on which its distribution is even, and as shares from 0 to 1.

A grid takes even places of the scale, the other methods draw even shares, and ranges are narrowed on it. Values never
leave their bounds, whatever is rounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.reading.distributions import INT_UNIFORM, Q_UNIFORM, UNIFORM
from wandbsweep.sweep.texts.numbers import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.sweep.parameter import Parameter

_LOG_UNIFORM: Final = "log_uniform_values"
_Q_LOG_UNIFORM: Final = "q_log_uniform_values"
_OF_EXPONENTS: Final = {"log_uniform": _LOG_UNIFORM, "q_log_uniform": _Q_LOG_UNIFORM}
_LIKE_OTHERS: Final = {"inv_log_uniform_values": _LOG_UNIFORM}

BOUNDED: Final = frozenset(
    {UNIFORM, INT_UNIFORM, Q_UNIFORM, _LOG_UNIFORM, _Q_LOG_UNIFORM, *_OF_EXPONENTS, *_LIKE_OTHERS}
)
"""The distributions that have bounds to be narrowed."""


def with_values(parameter: Parameter) -> Parameter:
    """The same range with values for bounds, where they are exponents: the axes know no others."""
    name, settings = parameter.distribution, parameter.settings
    if name in _OF_EXPONENTS:
        bounds = {key: math.exp(settings[key]) for key in ("min", "max")}
        return replace(parameter, distribution=_OF_EXPONENTS[name], settings={**settings, **bounds})
    return replace(parameter, distribution=_LIKE_OTHERS.get(name, name))


@dataclass(frozen=True)
class Range:
    """A parameter with bounds."""

    least: float
    most: float
    is_logarithmic: bool
    step: float | None
    """Values are multiples of it; none: all are possible."""
    margin: float
    """How far the shares reach beyond the bounds, so that of whole numbers the outer ones have as much as others."""

    @classmethod
    def of(cls, parameter: Parameter) -> Range:
        name, settings = parameter.distribution, parameter.settings
        step = {INT_UNIFORM: 1, Q_UNIFORM: settings.get("q", 1), _Q_LOG_UNIFORM: settings.get("q", 1)}.get(name)
        margin = 0.5 if name == INT_UNIFORM else 0.0
        return cls(settings["min"], settings["max"], name in (_LOG_UNIFORM, _Q_LOG_UNIFORM), step, margin)

    @cached_property
    def low(self) -> float:
        """The place of the lower bound on the scale."""
        return math.log(self.least) if self.is_logarithmic else self.least

    @cached_property
    def high(self) -> float:
        return math.log(self.most) if self.is_logarithmic else self.most

    def place(self, value: float) -> float:
        """Where a value lies on the scale; that of the nearest bound for one outside."""
        if value <= self.least:
            return self.low
        if value >= self.most:
            return self.high
        return math.log(value) if self.is_logarithmic else value

    def value(self, place: float) -> Any:
        """The value that lies nearest to a place: an int for whole numbers, never outside the bounds."""
        exact = self._exact(place)
        if self.step is None:
            return exact
        first, last = self.multiples(self.low, self.high)
        if first > last:
            return exact
        return self.multiple(min(max(math.floor(exact / self.step + 0.5), first), last))

    def _exact(self, place: float) -> float:
        if place <= self.low:
            return self.least
        if place >= self.high:
            return self.most
        return min(max(math.exp(place) if self.is_logarithmic else float(place), self.least), self.most)

    def multiples(self, low: float, high: float) -> tuple[int, int]:
        """The first and the last multiple of the step between two places; the first is above the last for none."""
        step = self.step or 1
        first = math.ceil(_rounded(self._exact(low) / step))
        return max(first, 1) if self.is_logarithmic else first, math.floor(_rounded(self._exact(high) / step))

    def multiple(self, count: int) -> Any:
        """The value of so many steps."""
        value = count * (self.step or 1)
        return value if isinstance(self.step, int) else min(max(value, self.least), self.most)

    def drawn(self, share: float) -> Any:
        """The value at a share of the range."""
        return self.value((self.low - self.margin) * (1 - share) + (self.high + self.margin) * share)

    def share(self, value: float) -> float:
        """The share at which this value is drawn."""
        return (self.place(value) - self.low + self.margin) / (self.high - self.low + 2 * self.margin)

    def holds(self, value: Any) -> bool:
        """Whether it lies within the bounds, but for a rounding."""
        slack = 1e-9 * max(abs(self.least), abs(self.most))
        return is_number(value) and self.least - slack <= value <= self.most + slack


def _rounded(number: float) -> float:
    """Without the noise of a division: 0.3 / 0.1 is 3."""
    return round(number, 9)


@dataclass(frozen=True)
class Options:
    """A parameter with a list of values, each as likely as its weight."""

    options: Sequence[Any]
    weights: Sequence[float]

    def drawn(self, share: float) -> Any:
        ends = list(accumulate(self.weights))
        return next((option for option, end in zip(self.options, ends, strict=True) if share < end), self._last)

    def share(self, value: Any) -> float:
        """The middle of the shares at which this value is drawn."""
        index = next(number for number, option in enumerate(self.options) if same(option, value))
        return sum(self.weights[:index]) + self.weights[index] / 2

    def holds(self, value: Any) -> bool:
        return any(same(option, value) for option in self.options)

    @property
    def _last(self) -> Any:
        """Of those that are drawn at all."""
        return [option for option, weight in zip(self.options, self.weights, strict=True) if weight][-1]


Axis = Range | Options


def axis_of(parameter: Parameter) -> Axis | None:
    """The axis of a parameter; None where there is but one value."""
    options = parameter.values
    if options is None:
        return Range.of(parameter)
    if len(options) == 1:
        return None
    return Options(options, parameter.settings.get("probabilities") or [1 / len(options)] * len(options))


def same(left: Any, right: Any) -> bool:
    """Whether two values are one to a search: 3 and 3.0 are, 1 and true are not."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def value_in(config: Mapping[str, Any], parameter: Parameter) -> Any:
    """The parameter's value in the record of a run. Raises KeyError where there is none."""
    value: Any = config
    for name in parameter.path:
        if not isinstance(value, dict):
            raise KeyError(".".join(parameter.path))
        value = value[name]
    return value
