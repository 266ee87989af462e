"""What a search found, against what a task holds: the best score and the area under the front, noise taken out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from search.engines import parameters_of

from wandbsweep.search.protein.coordinates import Layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from search.tasks import Task

    Point = tuple[float, float]
    """A score, the more the better, and the logarithm of its cost."""

_DRAWN = 4000
_ROUNDS = 16
_MOVED = 300


@dataclass(frozen=True)
class Yardstick:
    """The scale of one task: scores from the median of random trials (0) to the best there is (1)."""

    fair: float
    best: float
    cheapest: float
    dearest: float
    area: float

    def share(self, score: float) -> float:
        """Where a score lies; below 0 for one that is worse than a random trial."""
        return (score - self.fair) / (self.best - self.fair)

    def hypervolume(self, points: Iterable[Point]) -> float:
        """The share of the ideal front's area that these points cover."""
        return self._covered(points) / self.area

    def _covered(self, points: Iterable[Point]) -> float:
        return covered(((self.share(score), cost) for score, cost in points), self.dearest, self.cheapest)


def covered(points: Iterable[Point], dearest: float, cheapest: float) -> float:
    """The area between the points' staircase, score 0 and the dearest cost; scores beyond 1 count as 1."""
    area, height = 0.0, 0.0
    for score, cost in sorted(points, key=lambda point: point[1]):
        reached = min(max(score, 0.0), 1.0)
        if reached > height and cost < dearest:
            area += (reached - height) * (dearest - max(cost, cheapest))
            height = reached
    return area


@cache
def yardstick(task: Task) -> Yardstick:
    """Found by drawing many trials and then moving about those on the front, without noise."""
    layout = Layout.of(parameters_of(task))
    rng = np.random.default_rng(0)
    trials = _measured(task, layout, layout.spread(rng.uniform(size=(_DRAWN, len(layout.axes)))))
    fair = median([trial.point[0] for trial in trials])
    dearest = max(trial.point[1] for trial in trials)
    front = _front(trials)
    for number in range(_ROUNDS):
        near = np.array([front[int(pick)].places for pick in rng.integers(len(front), size=_MOVED)])
        front = _front([*front, *_measured(task, layout, layout.varied(near, 0.7**number, rng))])
    points = [trial.point for trial in front]
    unit = Yardstick(fair, points[-1][0], points[0][1], dearest, 1.0)
    return replace(unit, area=unit.hypervolume(points))


class _Trial(NamedTuple):
    point: Point
    places: NDArray[np.float64]


def _measured(task: Task, layout: Layout, places: NDArray[np.float64]) -> list[_Trial]:
    outcomes = [(task.run(layout.values(row)), row) for row in places]
    return [_Trial(oriented(task, *outcome[:2]), row) for outcome, row in outcomes if not outcome.failed]


def oriented(task: Task, score: float, cost: float) -> Point:
    """A result as a point of the plane."""
    return (score if task.goal == "maximize" else -score), math.log(cost)


def _front(trials: list[_Trial]) -> list[_Trial]:
    front: list[_Trial] = []
    for trial in sorted(trials, key=lambda trial: (trial.point[1], -trial.point[0])):
        if not front or trial.point[0] > front[-1].point[0]:
            front.append(trial)
    return front
