"""The front of the (score, cost) plane: the trials that no other beats by scoring more for the same cost or less.

Scores are oriented, the more the better. Knows arrays only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Indices = NDArray[np.intp]

_NEARLY_BEST: Final = 0.98
_POOR_BARGAIN: Final = 0.5


def front_of(scores: Array, costs: Array) -> Indices:
    """Which trials are on the front, the cheapest first. Equals do not beat each other."""
    order = np.lexsort((-scores, costs))
    kept: list[int] = []
    for index in order:
        if not kept or scores[index] > scores[kept[-1]] or _equal(scores, costs, index, kept[-1]):
            kept.append(int(index))
    return np.array(kept, dtype=np.intp)


def _equal(scores: Array, costs: Array, left: int, right: int) -> bool:
    return bool(scores[left] == scores[right] and costs[left] == costs[right])


def without_dear_end(front: Indices, scores: Array, log_costs: Array) -> Indices:
    """The front up to where more cost hardly scores more.

    From the dear end, a trial is left out if the one before it comes near the best score, and if the share of the
    front's scores that it adds is less than half the share of the front's costs.
    """
    if len(front) < 3:  # noqa: PLR2004 - of two, each is an end
        return front
    lowest, highest = scores[front[0]], scores[front[-1]]
    cheapest, dearest = log_costs[front[0]], log_costs[front[-1]]
    while len(front) > 1:
        before, last = front[-2], front[-1]
        gain = (scores[last] - scores[before]) / (highest - lowest)
        price = (log_costs[last] - log_costs[before]) / (dearest - cheapest)
        if scores[before] < lowest + _NEARLY_BEST * (highest - lowest) or gain >= _POOR_BARGAIN * price:
            break
        front = front[:-1]
    return front
