"""Which trials a model is fitted to where there are too many. Knows arrays only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def chosen(worth: NDArray[np.float64], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """So many of the trials at most, in their order: half of them the worthiest, half of them drawn from the rest."""
    if len(worth) <= most:
        return np.arange(len(worth))
    order = np.argsort(-worth, kind="stable")
    best, rest = order[: most // 2], order[most // 2 :]
    return np.sort(np.concatenate([best, rng.choice(rest, most - len(best), replace=False)]))
