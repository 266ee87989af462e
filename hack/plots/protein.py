"""Draws docs/search/protein.svg: what Protein and a random search try on a known function, by score and cost.

The function is Branin's, which has three equal peaks, seen through a training: the more steps, the nearer the score
comes to it, and the more a trial costs.
"""

from __future__ import annotations

import math
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.search.protein import Protein

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Point = tuple[float, float]
    """A cost and its score."""

PARAMETERS: Final = {
    "x": {"distribution": "uniform", "min": -5, "max": 10},
    "y": {"distribution": "uniform", "min": 0, "max": 15},
    "steps": {"distribution": "log_normal", "min": 100, "max": 10000},
}
TRIALS: Final = 40
WIDTH, HEIGHT, MARGIN = 720, 420, 56
CHEAPEST, DEAREST = 1.0, 150.0
LOWEST, HIGHEST = -120.0, 5.0
INK, GREY, BLUE = "#333333", "#9a9a9a", "#1f6fb4"


def train(values: Mapping[str, Any]) -> tuple[float, float]:
    """The score, 0 at best, and the cost."""
    x, y, steps = values["x"], values["y"], values["steps"]
    bowl = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    branin = bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10
    return 0.4 - branin - 60 / math.sqrt(steps / 100), steps / 100 * (1 + y / 30)


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
    """Both searches as one SVG."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *axes(),
        *search(drawn(), GREY, filled=False),
        *search(searched(), BLUE, filled=True),
        *legend(((GREY, "random"), (BLUE, "Protein"))),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def axes() -> Iterator[str]:
    bottom, right = HEIGHT - MARGIN, WIDTH - 20
    yield f'<path d="M{MARGIN} 20V{bottom}H{right}" fill="none" stroke="{INK}"/>'
    for cost in (1, 3, 10, 30, 100):
        yield text(across(cost), bottom + 20, str(cost), "middle")
    for score in (-100, -50, 0):
        yield text(MARGIN - 8, down(score) + 4, str(score), "end")
    yield text((MARGIN + right) / 2, HEIGHT - 14, "cost of a trial", "middle")
    yield text(MARGIN + 8, 18, "score", "start")


def search(points: list[Point], color: str, *, filled: bool) -> Iterator[str]:
    for cost, score in points:
        if score >= LOWEST:
            fill = color if filled else "white"
            yield f'<circle cx="{across(cost):.1f}" cy="{down(score):.1f}" r="4" fill="{fill}" stroke="{color}"/>'
    yield f'<path d="{stairs(points)}" fill="none" stroke="{color}" stroke-width="2"/>'


def stairs(points: Iterable[Point]) -> str:
    """The front: level until a dearer trial scores more."""
    path, best = "", -math.inf
    for cost, score in sorted(points):
        if score > best:
            if path or score >= LOWEST:
                path += f"{'H' if path else 'M'}{across(cost):.1f}{'V' if path else ' '}{down(max(score, LOWEST)):.1f}"
            best = score
    return f"{path}H{across(DEAREST):.1f}"


def legend(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for row, (color, name) in enumerate(entries):
        top = HEIGHT - MARGIN - 50 + 22 * row
        yield f'<path d="M{WIDTH - 170} {top}h30" stroke="{color}" stroke-width="2"/>'
        yield text(WIDTH - 130, top + 4, f"{name}, {TRIALS} trials", "start")


def text(left: float, top: float, words: str, anchor: str) -> str:
    return f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}" fill="{INK}" font-size="13">{words}</text>'


def across(cost: float) -> float:
    return MARGIN + (WIDTH - 20 - MARGIN) * math.log(cost / CHEAPEST) / math.log(DEAREST / CHEAPEST)


def down(score: float) -> float:
    return 20 + (HEIGHT - MARGIN - 20) * (HIGHEST - score) / (HIGHEST - LOWEST)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture())
