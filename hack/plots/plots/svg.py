"""SVG, as far as the pictures need it: a plane with two scales, and what is drawn on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

INK: Final = "#333333"
GREY: Final = "#9a9a9a"
BLUE: Final = "#1f6fb4"
ORANGE: Final = "#d9662b"
GREEN: Final = "#2e8b57"


@dataclass(frozen=True)
class Scale:
    """From numbers to places on the paper."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, number: float) -> float:
        low, high, at = (math.log(each) if self.logarithmic else each for each in (self.low, self.high, number))
        return self.start + (self.end - self.start) * (at - low) / (high - low)


@dataclass(frozen=True)
class Plane:
    """A part of the paper with an axis to the right and one upwards."""

    across: Scale
    up: Scale

    def frame(self) -> str:
        """Both axes as lines."""
        across, up = self.across, self.up
        return f'<path d="M{across.start} {up.end}V{up.start}H{across.end}" fill="none" stroke="{INK}"/>'

    def ticks(self, across: Iterable[float], up: Iterable[float]) -> Iterator[str]:
        """Numbers beside the axes."""
        for number in across:
            yield text(self.across(number), self.up.start + 20, f"{number:g}", "middle")
        for number in up:
            yield text(self.across.start - 8, self.up(number) + 4, f"{number:g}", "end")

    def dot(self, x: float, y: float, color: str, *, filled: bool = True, radius: float = 4) -> str:
        fill = color if filled else "white"
        place = f'cx="{self.across(x):.1f}" cy="{self.up(y):.1f}"'
        return f'<circle {place} r="{radius:g}" fill="{fill}" stroke="{color if not filled else "white"}"/>'

    def stairs(self, points: Iterable[tuple[float, float]], color: str, end: float, *, dashed: bool = False) -> str:
        """A line that is level from each point to the next, and on to the end."""
        path = ""
        for x, y in points:
            path += f"{'H' if path else 'M'}{self.across(x):.1f}{'V' if path else ' '}{self.up(y):.1f}"
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        path = f"{path}H{self.across(end):.1f}"
        return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2"{dash}/>'

    def box(self, left: float, right: float, low: float, high: float, color: str) -> str:
        """A rectangle without a filling."""
        path = (
            f"M{self.across(left):.1f} {self.up(low):.1f}H{self.across(right):.1f}V{self.up(high):.1f}"
            f"H{self.across(left):.1f}z"
        )
        return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2"/>'


def text(left: float, top: float, words: str, anchor: str, *, size: int = 13, color: str = INK) -> str:
    return f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}" fill="{color}" font-size="{size}">{words}</text>'


def legend(left: float, top: float, entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A short line in each color, and what it stands for."""
    for row, (color, words) in enumerate(entries):
        height = top + 22 * row
        yield f'<path d="M{left} {height}h24" stroke="{color}" stroke-width="2"/>'
        yield text(left + 32, height + 4, words, "start")


def paper(width: int, height: int, lines: Iterable[str]) -> str:
    """The whole picture."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *lines, "</svg>"]) + "\n"
