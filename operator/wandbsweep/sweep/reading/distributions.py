"""The distributions that W&B knows, and the settings each one takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Distribution:
    """Names of the settings that a distribution needs, and of those it may have."""

    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    whole: bool = False
    """Bounds are whole numbers."""
    positive: bool = False
    """min is above 0, because its logarithm is taken."""
    exponents: bool = False
    """Bounds are exponents of e, not values."""

    @property
    def settings(self) -> tuple[str, ...]:
        return (*self.needs, *self.takes)


_RANGE = ("min", "max")
_BELL = ("mu", "sigma")

CONSTANT: Final = "constant"
CATEGORICAL: Final = "categorical"
WEIGHTED: Final = "categorical_w_probabilities"
INT_UNIFORM: Final = "int_uniform"
UNIFORM: Final = "uniform"
Q_UNIFORM: Final = "q_uniform"

DISTRIBUTIONS: Final[dict[str, Distribution]] = {
    CONSTANT: Distribution(needs=("value",)),
    CATEGORICAL: Distribution(needs=("values",)),
    WEIGHTED: Distribution(needs=("values", "probabilities")),
    INT_UNIFORM: Distribution(needs=_RANGE, whole=True),
    UNIFORM: Distribution(needs=_RANGE),
    Q_UNIFORM: Distribution(needs=_RANGE, takes=("q",)),
    "log_uniform_values": Distribution(needs=_RANGE, positive=True),
    "q_log_uniform_values": Distribution(needs=_RANGE, takes=("q",), positive=True),
    "inv_log_uniform_values": Distribution(needs=_RANGE, positive=True),
    "log_uniform": Distribution(needs=_RANGE, exponents=True),
    "q_log_uniform": Distribution(needs=_RANGE, takes=("q",), exponents=True),
    "inv_log_uniform": Distribution(needs=_RANGE, exponents=True),
    "normal": Distribution(takes=_BELL),
    "q_normal": Distribution(takes=(*_BELL, "q")),
    "log_normal": Distribution(takes=_BELL),
    "q_log_normal": Distribution(takes=(*_BELL, "q")),
    "beta": Distribution(takes=("a", "b")),
    "q_beta": Distribution(takes=("a", "b", "q")),
}

COUNTABLE: Final = frozenset({CONSTANT, CATEGORICAL, INT_UNIFORM, Q_UNIFORM})
"""What a grid can go through point by point."""
