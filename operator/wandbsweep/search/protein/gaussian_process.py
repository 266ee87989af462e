"""Gaussian process regression: smooth functions that fit what was measured, and how far they are to be trusted.

The kernel is a plane plus a twice differentiable bump (Matern 5/2) with a length scale for each parameter. Its numbers
are those most probable by marginal likelihood and weak priors. Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import linalg, optimize
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Groups = NDArray[np.intp]

_JITTER: Final = 1e-8
_LEVEL: Final = 1.0
"""Variance of the constant that a function may be off zero by."""
_ROOT5: Final = 5**0.5
_STEPS: Final = 60


@dataclass(frozen=True)
class Prior:
    """Normal distributions of logarithms: where each number of the kernel is expected, and how firmly."""

    length: tuple[float, float] = (0.4, 0.8)
    bump: tuple[float, float] = (-0.3, 1.0)
    plane: tuple[float, float] = (-2.0, 1.5)
    noise: tuple[float, float] = (-4.0, 1.5)

    def rows(self, groups: int) -> Array:
        return np.array([self.length] * groups + [self.bump, self.plane, self.noise])


@dataclass(frozen=True)
class Kernel:
    """The numbers of a kernel, as logarithms: a length for each group of columns, and three variances."""

    logs: Array
    groups: Groups

    @property
    def noise(self) -> float:
        return float(np.exp(self.logs[-1]))

    def between(self, left: Array, right: Array) -> Array:
        lengths = np.exp(self.logs[:-3])[self.groups]
        bump, plane, _ = np.exp(self.logs[-3:])
        away = _ROOT5 * cdist(left / lengths, right / lengths)
        return _LEVEL + plane * (left @ right.T) + bump * (1 + away + away**2 / 3) * np.exp(-away)

    def at(self, points: Array) -> Array:
        """The variance of the function itself at each point, before anything is known."""
        bump, plane, _ = np.exp(self.logs[-3:])
        return _LEVEL + plane * np.sum(points**2, axis=1) + bump


@dataclass(frozen=True)
class Sample:
    """What was measured where. `repeats` says how many measurements each target is the mean of."""

    points: Array
    targets: Array
    repeats: Array

    def at(self, rows: NDArray[np.intp]) -> Sample:
        return Sample(self.points[rows], self.targets[rows], self.repeats[rows])


@dataclass(frozen=True)
class GaussianProcess:
    """A kernel, and the measurements that it is conditioned on."""

    kernel: Kernel
    sample: Sample

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the function, without noise, at each point."""
        crossed = self.kernel.between(self.sample.points, points)
        mean = crossed.T @ self._weights
        solved = linalg.solve_triangular(self._factor, crossed, lower=True, check_finite=False)
        variance = self.kernel.at(points) - np.sum(solved**2, axis=0)
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def joined(self, points: Array, targets: Array) -> GaussianProcess:
        """The same with more measurements."""
        sample = Sample(
            np.vstack([self.sample.points, points]),
            np.concatenate([self.sample.targets, targets]),
            np.concatenate([self.sample.repeats, np.ones(len(targets))]),
        )
        return GaussianProcess(self.kernel, sample)

    @cached_property
    def _factor(self) -> Array:
        covariance = self.kernel.between(self.sample.points, self.sample.points)
        covariance[np.diag_indices_from(covariance)] += self.kernel.noise / self.sample.repeats + _JITTER
        factor: Array = linalg.cholesky(covariance, lower=True, check_finite=False)
        return factor

    @cached_property
    def _weights(self) -> Array:
        weights: Array = linalg.cho_solve((self._factor, True), self.sample.targets, check_finite=False)
        return weights


def fitted(sample: Sample, groups: Groups, prior: Prior) -> Kernel:
    """The most probable kernel of these measurements."""
    rows = prior.rows(int(groups[-1]) + 1 if len(groups) else 0)
    improbability = _Improbability(sample, groups, rows)
    center, width = rows[:, 0], rows[:, 1]
    found = optimize.minimize(
        improbability,
        center,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(center - 4 * width, center + 4 * width, strict=True)),
        options={"maxiter": _STEPS},
    )
    return Kernel(np.asarray(found.x, dtype=float), groups)


class _Improbability:
    """Minus the logarithm of a kernel's probability, and how it changes with each of its numbers."""

    def __init__(self, sample: Sample, groups: Groups, rows: Array) -> None:
        points, self._targets, self._repeats, self._rows = sample.points, sample.targets, sample.repeats, rows
        self._plane = points @ points.T
        columns = [points[:, groups == group] for group in range(len(rows) - 3)]
        self._squares = np.array([cdist(column, column, "sqeuclidean") for column in columns])
        self._squares = self._squares.reshape(len(columns), len(points), len(points))

    def __call__(self, logs: Array) -> tuple[float, Array]:
        count = len(self._targets)
        inverse_squares = np.exp(-2 * logs[:-3])
        bump, plane, noise = np.exp(logs[-3:])
        away = _ROOT5 * np.sqrt(np.tensordot(inverse_squares, self._squares, 1))
        decay = bump * np.exp(-away)
        bumps = (1 + away + away**2 / 3) * decay
        covariance = _LEVEL + plane * self._plane + bumps
        covariance[np.diag_indices(count)] += noise / self._repeats + _JITTER
        factor, info = linalg.lapack.dpotrf(covariance, lower=1)
        if info:
            return 1e10, np.zeros_like(logs)
        inverse, _ = linalg.lapack.dpotri(factor, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        weights = inverse @ self._targets
        slope = inverse - np.outer(weights, weights)
        by_length = slope * decay * (1 + away) * (5 / 3)
        gradient = np.empty_like(logs)
        gradient[:-3] = np.tensordot(self._squares, by_length, 2) * inverse_squares
        gradient[-3] = np.sum(slope * bumps)
        gradient[-2] = plane * np.sum(slope * self._plane)
        gradient[-1] = noise * np.sum(np.diag(slope) / self._repeats)
        off = (logs - self._rows[:, 0]) / self._rows[:, 1]
        improbability = np.sum(np.log(np.diag(factor))) + (self._targets @ weights + off @ off) / 2
        return float(improbability), gradient / 2 + off / self._rows[:, 1]
