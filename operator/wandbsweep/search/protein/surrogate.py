"""What is expected of a trial before it runs: its score, its cost, and whether it succeeds.

Three Gaussian processes: one of the scores, on a scale that evens out their tails; one of the logarithms of the costs;
and one of successes and failures. Runs in flight take part with what is expected of them, so that nothing near them
looks unknown. Scores are oriented, the more the better. Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr

from wandbsweep.search.protein.gaussian_process import GaussianProcess, Prior, Sample, fitted
from wandbsweep.search.protein.scales import Distribution, Scale
from wandbsweep.search.protein.subset import chosen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Groups = NDArray[np.intp]

_FITTED: Final = 160
"""The kernel's numbers are found from no more trials than this."""
_KNOWN: Final = 600
"""No more trials than this take part in a prediction."""
_SCORES: Final = Prior()
_COSTS: Final = Prior(plane=(0.0, 1.5), bump=(-1.5, 1.0), noise=(-4.0, 1.5))
_SUCCESSES: Final = Prior(length=(0.0, 0.7), plane=(-3.0, 1.0), noise=(-4.0, 1.0))
_BLUR: Final = 0.1
"""Added to the variance of the success model: no edge is that sharp."""
_LEAST_CHANCE: Final = 1e-9


@dataclass(frozen=True)
class Known:
    """The trials that have ended, one row for each different one; scores and costs of several runs are averaged."""

    features: Array
    scores: Array
    """Nothing of a trial that only failed."""
    log_costs: Array
    successes: Array
    """How many runs of each trial succeeded."""
    failures: Array

    @property
    def succeeded(self) -> NDArray[np.bool_]:
        return self.successes > 0


@dataclass(frozen=True)
class Forecast:
    """What is expected of each of several trials."""

    score: Array
    """On the scale of the model."""
    doubt: Array
    """Standard deviation of the same."""
    log_cost: Array
    success: Array
    """Probability."""


class Surrogate:
    """The three models, fitted to what is known."""

    def __init__(
        self, known: Known, in_flight: Array, groups: Groups, distribution: Distribution, rng: np.random.Generator
    ) -> None:
        good = known.succeeded
        features, repeats = known.features[good], known.successes[good]
        self.scale = Scale.of(known.scores[good], distribution)
        self._cost_scale = Scale.of(known.log_costs[good], "linear", bend=False)
        scores, costs = self.scale.there(known.scores[good]), self._cost_scale.there(known.log_costs[good])
        kept = chosen(scores, _KNOWN, rng)
        self._score = _model(Sample(features, scores, repeats).at(kept), groups, _SCORES, rng)
        self._cost = _model(Sample(features, costs, repeats).at(kept), groups, _COSTS, rng)
        self._success = _success_model(known, groups, rng) if np.any(known.failures) else None
        if len(in_flight):
            self._score = self._score.joined(in_flight, self._score.predict(in_flight)[0])

    def forecast(self, features: Array) -> Forecast:
        score, doubt = self._score.predict(features)
        return Forecast(score, doubt, self.log_cost(features), self._chances(features))

    def log_cost(self, features: Array) -> Array:
        return self._cost_scale.back(self._cost.predict(features)[0])

    def _chances(self, features: Array) -> Array:
        return np.ones(len(features)) if self._success is None else _chances(self._success, features)


def likeliest_success(
    known: Known, in_flight: Array, candidates: Array, groups: Groups, rng: np.random.Generator
) -> int:
    """Which candidate is likeliest to succeed by those that failed, if what is in flight fails too."""
    model = _success_model(known, groups, rng)
    if len(in_flight):
        model = model.joined(in_flight, -np.ones(len(in_flight)))
    return int(np.argmax(_chances(model, candidates)))


def _chances(model: GaussianProcess, features: Array) -> Array:
    mean, doubt = model.predict(features)
    return np.maximum(ndtr(mean / np.sqrt(doubt**2 + _BLUR)), _LEAST_CHANCE)


def _success_model(known: Known, groups: Groups, rng: np.random.Generator) -> GaussianProcess:
    """Of a number that is 1 where all runs succeed and -1 where all fail."""
    runs = known.successes + known.failures
    targets = (known.successes - known.failures) / runs
    kept = chosen(-targets, _KNOWN, rng)
    return _model(Sample(known.features, targets, runs).at(kept), groups, _SUCCESSES, rng)


def _model(sample: Sample, groups: Groups, prior: Prior, rng: np.random.Generator) -> GaussianProcess:
    some = chosen(sample.targets, _FITTED, rng)
    return GaussianProcess(fitted(sample.at(some), groups, prior), sample)
