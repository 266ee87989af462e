"""How much a candidate promises: the area that it is expected to add below the front of scores over costs.

A candidate of known cost raises the front from that cost on, up to where it scores no better than the front does. So
the area is a sum over the steps of the front: what is left of each beyond that cost, times the improvement on its
height. Improvements are measured on the scale of the scores themselves, not on that of the model. Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.special import ndtr, roots_hermitenorm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wandbsweep.search.protein.scales import Scale
    from wandbsweep.search.protein.surrogate import Forecast

    Array = NDArray[np.float64]

_NODES: Final = 9
_FAINT: Final = 1e-6
"""Weight of the improvement on the model's own scale, which tells apart what promises next to nothing."""


@dataclass(frozen=True)
class Outlook:
    """At which places of its uncertainty a score is looked at, in standard deviations, and how much each counts."""

    places: Array
    weights: Array

    @classmethod
    def of(cls, kind: Literal["naive", "ei", "ucb"], beta: float) -> Outlook:
        """The prediction alone, all that is possible, or what is possible at best."""
        if kind == "ei":
            places, weights = roots_hermitenorm(_NODES)
            return cls(places, weights / np.sum(weights))
        return cls(np.array([0.0 if kind == "naive" else beta]), np.ones(1))


@dataclass(frozen=True)
class Steps:
    """A front as a staircase: step k has `heights[k]` from `starts[k]` on, in logarithms of cost, up to the next."""

    starts: Array
    heights: Array
    end: float
    """Where the last step ends: the later, the more the best score counts beside the rest of the front."""

    @classmethod
    def of(cls, scores: Array, log_costs: Array, floor: float, end: float) -> Steps:
        """The steps of a front that is sorted by cost; before it lies the floor."""
        return cls(np.concatenate([[-np.inf], log_costs]), np.concatenate([[floor], scores]), end)

    def area(self, forecast: Forecast, scale: Scale, outlook: Outlook) -> Array:
        """What each candidate is expected to add, if it succeeds."""
        return np.sum(self._improvement(forecast, scale, outlook) * self._widths(forecast.log_cost), axis=1)

    def _widths(self, log_costs: Array) -> Array:
        """How much of each step (column) lies beyond the cost of each candidate (row)."""
        ends = np.append(self.starts[1:], self.end)
        begins = np.maximum(self.starts[None, :], log_costs[:, None])
        return np.maximum(ends[None, :] - begins, 0)

    def _improvement(self, forecast: Forecast, scale: Scale, outlook: Outlook) -> Array:
        """How far each candidate (row) is expected to come above each step (column)."""
        off = (forecast.score[:, None] - scale.there(self.heights)[None, :]) / forecast.doubt[:, None]
        density = np.exp(-0.5 * off**2) / np.sqrt(2 * np.pi)
        above = _FAINT * forecast.doubt[:, None] * (density + off * ndtr(off))
        for place, weight in zip(outlook.places, outlook.weights, strict=True):
            possible = scale.back(forecast.score + place * forecast.doubt)
            above += weight * np.maximum(possible[:, None] - self.heights[None, :], 0) / scale.unit
        return above
