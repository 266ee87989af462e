"""Branin's function, which has three equal peaks here: a score over two parameters, 0 at best."""

from __future__ import annotations

import math
from typing import Final

X: Final = (-5.0, 10.0)
Y: Final = (0.0, 15.0)
PEAKS: Final = ((-math.pi, 12.275), (math.pi, 2.275), (3 * math.pi, 2.475))


def score(x: float, y: float) -> float:
    bowl = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return 0.397887 - (bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)
