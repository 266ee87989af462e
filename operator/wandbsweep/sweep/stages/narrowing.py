"""Narrows a parameter around the values that it has in the best runs.

A range becomes the mean of these values with so many standard deviations to each side, on the scale of its
distribution: inside the range that it was, and at most half as wide. A list keeps the values that occur.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.reading.distributions import CONSTANT, WEIGHTED
from wandbsweep.sweep.stages.axes import Options, Range, axis_of, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandbsweep.sweep.parameter import Parameter

_WIDEST: Final = 0.25
"""To each side of the mean, as a share of the range before."""
_NARROWEST: Final = 0.005


def narrowed(parameter: Parameter, best: Sequence[Any], tried: Iterable[Any], width: float) -> Parameter:
    """The parameter as the next stage searches it.

    Args:
        parameter: as the stage before searched it.
        best: its values in the best runs; none: it stays as it is.
        tried: its values in all runs, which tell how closely they stand: no range ends before the middle between the
            values that were tried next to the mean, as far as half the range allows.
        width: standard deviations to each side of the mean.
    """
    axis = axis_of(parameter)
    if isinstance(axis, Options):
        return _fewer_options(parameter, axis, best)
    places = [axis.place(value) for value in best if axis and _is_real(value)]
    if axis is None or not places:
        return parameter
    mean, whole = fmean(places), axis.high - axis.low
    mean = min(max(mean, axis.low), axis.high)  # but for a rounding it is
    grain = _grain(mean, axis, [axis.place(value) for value in tried if _is_real(value)])
    reach = min(max(width * pstdev(places), grain / 2, _NARROWEST * whole), _WIDEST * whole)
    return _with_bounds(parameter, axis, mean, max(mean - reach, axis.low), min(mean + reach, axis.high))


def _is_real(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _grain(mean: float, axis: Range, tried: Sequence[float]) -> float:
    """How far the mean is from the values that were tried next to it."""
    below = max((place for place in tried if place < mean), default=axis.low)
    above = min((place for place in tried if place > mean), default=axis.high)
    return max(above - mean, mean - below)


def _with_bounds(parameter: Parameter, axis: Range, mean: float, low: float, high: float) -> Parameter:
    """The parameter between two places of its scale; a constant where only one value lies between them."""
    if axis.step is None:
        return _between(parameter, axis.value(low), axis.value(high))
    first, last = axis.multiples(low, high)
    if first < last:
        return _between(parameter, axis.multiple(first), axis.multiple(last))
    single = axis.multiple(first) if first == last else axis.value(mean)
    return replace(parameter, distribution=CONSTANT, settings={"value": single}, implied=True)


def _between(parameter: Parameter, least: float, most: float) -> Parameter:
    return replace(parameter, settings={**parameter.settings, "min": least, "max": most}, implied=False)


def _fewer_options(parameter: Parameter, axis: Options, best: Sequence[Any]) -> Parameter:
    kept = [
        (option, weight)
        for option, weight in zip(axis.options, axis.weights, strict=True)
        if any(same(option, value) for value in best)
    ]
    if not kept:
        return parameter
    options, weights = [option for option, _ in kept], [weight for _, weight in kept]
    if parameter.distribution == WEIGHTED and sum(weights) > 0:
        shares = {"probabilities": [weight / sum(weights) for weight in weights]}
        return replace(parameter, settings={"values": options, **shares})
    return replace(parameter, settings={**parameter.settings, "values": options})
