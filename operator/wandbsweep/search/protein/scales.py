"""The scale on which numbers are modelled: mean 0, deviation 1, and where asked bent so that no tail is long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy import optimize
from scipy.special import expit, logit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_FEW: Final = 4
_LEAST: Final = 1e-12
_EDGE: Final = 1e-4
_POWERS: Final = (0.0, 2.0)
"""Between these, every number on the bent scale has one to go back to."""

Distribution = Literal["linear", "percentile", "logit"]


@dataclass(frozen=True)
class Scale:
    """Yeo and Johnson's power transformation between two standardisations; with power 1 it bends nothing."""

    unit: float
    """Standard deviation of the numbers themselves."""
    center: float
    width: float
    power: float = 1.0
    bent_center: float = 0.0
    bent_width: float = 1.0
    side: float = 0.0
    """Where shares are spread by their logit: 1, or -1 if they are less than 0 because less was better."""

    @classmethod
    def of(cls, numbers: Array, distribution: Distribution, *, bend: bool = True) -> Scale:
        """The scale that suits these numbers."""
        side = 0.0 if distribution == "linear" else -1.0 if np.min(numbers) < 0 else 1.0
        spread = _logit(numbers, side) if side else numbers
        _, unit = _center_and_width(numbers)
        center, width = _center_and_width(spread)
        even = (spread - center) / width
        if not bend or len(numbers) < _FEW:
            return cls(unit, center, width, side=side)
        power = float(optimize.minimize_scalar(lambda power: _oddness(even, power), bounds=_POWERS, method="bounded").x)
        return cls(unit, center, width, power, *_center_and_width(_bent(even, power)), side)

    def there(self, numbers: Array) -> Array:
        spread = _logit(numbers, self.side) if self.side else numbers
        return (_bent((spread - self.center) / self.width, self.power) - self.bent_center) / self.bent_width

    def back(self, numbers: Array) -> Array:
        spread = _straight(numbers * self.bent_width + self.bent_center, self.power) * self.width + self.center
        return self.side * expit(self.side * spread) if self.side else spread


def _logit(shares: Array, side: float) -> Array:
    """Of shares from 0 to 1, or of their negatives; those at the ends are taken to lie just before them."""
    spread: Array = side * logit(np.clip(side * shares, _EDGE, 1 - _EDGE))
    return spread


def _center_and_width(numbers: Array) -> tuple[float, float]:
    width = float(np.std(numbers))
    return float(np.mean(numbers)), width if width > _LEAST * max(1.0, float(np.max(np.abs(numbers)))) else 1.0


def _bent(numbers: Array, power: float) -> Array:
    above, below = np.maximum(numbers, 0), np.maximum(-numbers, 0)
    return _one_side(above, power) - _one_side(below, 2 - power)


def _one_side(numbers: Array, power: float) -> Array:
    logs = np.log1p(numbers)
    return logs if abs(power) < _LEAST else np.expm1(power * logs) / power


def _straight(numbers: Array, power: float) -> Array:
    above, below = np.maximum(numbers, 0), np.maximum(-numbers, 0)
    return _other_side(above, power) - _other_side(below, 2 - power)


def _other_side(numbers: Array, power: float) -> Array:
    if abs(power) < _LEAST:
        return np.expm1(numbers)
    return np.expm1(np.log1p(numbers * power) / power)


def _oddness(numbers: Array, power: float) -> float:
    """Minus the logarithm of the likelihood that the bent numbers are normal."""
    bent = _bent(numbers, power)
    spread = np.sum(np.sign(numbers) * np.log1p(np.abs(numbers)))
    return float(len(numbers) / 2 * np.log(np.var(bent) + _LEAST) - (power - 1) * spread)
