"""What Protein and a random search try on a known function, by score and cost.

The function is Branin's, which has three equal peaks, seen through a training: the more steps, the nearer the score
comes to it, and the more a trial costs.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any, Final

from plots import branin
from plots.svg import BLUE, GREY, Plane, Scale, legend, paper, text
from wandbsweep.search.protein import Protein

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Point = tuple[float, float]
    """A cost and its score."""

PARAMETERS: Final = {
    "x": {"distribution": "uniform", "min": -5, "max": 10},
    "y": {"distribution": "uniform", "min": 0, "max": 15},
    "steps": {"distribution": "log_normal", "min": 100, "max": 10000},
}
TRIALS: Final = 40
WIDTH, HEIGHT = 720, 420
PLANE: Final = Plane(Scale(1, 150, 56, WIDTH - 20, logarithmic=True), Scale(-120, 5, HEIGHT - 56, 20))


def train(values: Mapping[str, Any]) -> tuple[float, float]:
    """The score, 0 at best, and the cost."""
    x, y, steps = values["x"], values["y"], values["steps"]
    return branin.score(x, y) - 60 / math.sqrt(steps / 100), steps / 100 * (1 + y / 30)


def searched() -> list[Point]:
    protein = Protein(PARAMETERS, goal="maximize", seed=1)
    points = []
    for _ in range(TRIALS):
        suggestion = protein.ask()
        score, cost = train(suggestion.values)
        protein.tell(suggestion.id, score, cost)
        points.append((cost, score))
    return points


def drawn() -> list[Point]:
    rng = random.Random(1)  # noqa: S311 - a picture, and no secret
    points = []
    for _ in range(TRIALS):
        values = {"x": rng.uniform(-5, 10), "y": rng.uniform(0, 15), "steps": 10 ** rng.uniform(2, 4)}
        score, cost = train(values)
        points.append((cost, score))
    return points


def picture() -> str:
    """Both searches."""
    lines = [
        PLANE.frame(),
        *PLANE.ticks((1, 3, 10, 30, 100), (-100, -50, 0)),
        text((PLANE.across.start + PLANE.across.end) / 2, HEIGHT - 14, "cost of a trial", "middle"),
        text(PLANE.across.start + 8, 18, "score", "start"),
        *search(drawn(), GREY, filled=False),
        *search(searched(), BLUE, filled=True),
        *legend(WIDTH - 176, HEIGHT - 106, ((GREY, f"random, {TRIALS} trials"), (BLUE, f"Protein, {TRIALS} trials"))),
    ]
    return paper(WIDTH, HEIGHT, lines)


def search(points: list[Point], color: str, *, filled: bool) -> Iterator[str]:
    for cost, score in points:
        if score >= PLANE.up.low:
            yield PLANE.dot(cost, score, color, filled=filled)
    yield PLANE.stairs(front(points), color, PLANE.across.high)


def front(points: list[Point]) -> list[Point]:
    """Where a dearer trial scores more; what lies below the picture begins at its edge."""
    found: list[Point] = []
    best = -math.inf
    for cost, score in sorted(points):
        if score > best:
            best = score
            if found or score >= PLANE.up.low:
                found.append((cost, max(score, PLANE.up.low)))
    return found
