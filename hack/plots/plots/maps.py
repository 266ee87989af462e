"""A map of the function with the trials on it, and beside it how near the best trial so far has come to the peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plots.branin import PEAKS, X, Y, score
from plots.svg import GREY, INK, ORANGE, Plane, Scale, legend, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plots.searches import Place

WIDTH: Final = 860
HEIGHT: Final = 430
MAP: Final = Plane(Scale(*X, 44, 424), Scale(*Y, HEIGHT - 50, 20))
GAPS: Final = Plane(Scale(0, 30, 520, WIDTH - 20), Scale(0.003, 400, HEIGHT - 50, 20, logarithmic=True))
_BANDS: Final = ((-2, "#b9d3ea"), (-10, "#cfe1f1"), (-25, "#dfebf6"), (-60, "#ecf3fa"), (-120, "#f5f9fd"))
"""Scores from which on the map has a color."""
_CELL: Final = 2
_LEAST: Final = 0.003


def landscape() -> Iterator[str]:
    """The map itself: the darker, the better, with a cross on each peak."""
    for lowest, color in _BANDS[::-1]:
        yield f'<path d="{"".join(_rows(lowest))}" fill="{color}"/>'
    for x, y in PEAKS:
        left, top = MAP.across(x), MAP.up(y)
        yield f'<path d="M{left - 5:.1f} {top:.1f}h10m-5 -5v10" stroke="{ORANGE}" stroke-width="2"/>'
    yield MAP.frame()
    yield from MAP.ticks((-5, 0, 5, 10), (0, 5, 10, 15))
    yield text((MAP.across.start + MAP.across.end) / 2, HEIGHT - 12, "x", "middle")
    yield text(MAP.across.start - 30, (MAP.up.start + MAP.up.end) / 2, "y", "middle")


def _rows(lowest: float) -> Iterator[str]:
    """Rectangles, one row of them after another, wherever the score is at least this."""
    columns = range(int(MAP.across.start), int(MAP.across.end), _CELL)
    for top in range(int(MAP.up.end), int(MAP.up.start), _CELL):
        y = Y[1] - (Y[1] - Y[0]) * (top + _CELL / 2 - MAP.up.end) / (MAP.up.start - MAP.up.end)
        start = None
        for left in [*columns, None]:
            inside = left is not None and score(_x_at(left), y) >= lowest
            if inside and start is None:
                start = left
            elif not inside and start is not None:
                end = MAP.across.end if left is None else left
                yield f"M{start} {top}H{end:g}v{_CELL}H{start}z"
                start = None


def _x_at(left: int) -> float:
    return X[0] + (X[1] - X[0]) * (left + _CELL / 2 - MAP.across.start) / (MAP.across.end - MAP.across.start)


def trials(places: Sequence[Place], color: str) -> Iterator[str]:
    """The early ones pale, the late ones in full color."""
    for number, (x, y) in enumerate(places):
        share = (number + 1) / len(places)
        yield MAP.dot(x, y, _mixed(color, 0.35 + 0.65 * share))


def _mixed(color: str, share: float) -> str:
    """The color with white."""
    parts = [int(color[start : start + 2], 16) for start in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + (part - 255) * share):02x}" for part in parts)


def progress(own: Sequence[float], usual: Sequence[float], color: str, name: str) -> Iterator[str]:
    """The distances from the peak, that of a usual random search in grey."""
    yield GAPS.frame()
    yield from GAPS.ticks((0, 10, 20, 30), (0.01, 0.1, 1, 10, 100))
    yield text((GAPS.across.start + GAPS.across.end) / 2, HEIGHT - 12, "trials", "middle")
    yield text(GAPS.across.start + 8, 18, "best score so far, by how far it is from a peak", "start")
    for line, ink, dashed in ((usual, GREY, True), (own, color, False)):
        points = [(number + 1.0, max(gap, _LEAST)) for number, gap in enumerate(line)]
        yield GAPS.stairs(points, ink, len(line), dashed=dashed)
    yield from legend(WIDTH - 220, 56, ((color, name), (GREY, "random, the usual case")))


def caption(words: str) -> str:
    """Above the map."""
    return text(MAP.across.start + 4, 14, words, "start", color=INK)
