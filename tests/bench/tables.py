"""Numbers as lines of text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def row(name: str, *cells: str) -> str:
    return f"  {name:<52}" + "".join(f"{cell:>12}" for cell in cells)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
