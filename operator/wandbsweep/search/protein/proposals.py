"""Which trial comes next.

While little is known, points spread evenly over the space. Then the candidate that promises most: drawn from all over
the space and from the boxes around the front, rated by the models, and the best of them moved about until it is best
in its surroundings. All randomness comes from the seed and from how many trials there are, so that a search that is
rebuilt from its trials goes on as if nothing had happened.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.spatial import KDTree
from scipy.stats import qmc

from wandbsweep.search.protein.front import front_of, without_dear_end
from wandbsweep.search.protein.rating import Outlook, Steps
from wandbsweep.search.protein.surrogate import Forecast, Surrogate, likeliest_success

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wandbsweep.search.protein.coordinates import Layout
    from wandbsweep.search.protein.trials import Trials
    from wandbsweep.sweep.protein.settings import ProteinSettings

    Array = NDArray[np.float64]

_SPREAD: Final = 1024
"""So many points are spread over the space; a power of two, for their evenness."""
_ENOUGH: Final = 2
"""So many successes tell scores apart."""
_MOST_AROUND: Final = 4096
"""No more candidates than this are drawn around the front, however long it is."""
_CHEAP_END: Final = 0.5
"""The share of its range from which the first trials take the parameter that drives the cost."""
_LEAST_AIM: Final = 0.3
"""Each suggestion aims below a price of its own: from this share of the costs seen, in logarithms, to all of them."""
_GOLDEN: Final = (5**0.5 - 1) / 2
"""Its multiples spread evenly, in whichever order they are looked at."""
_BEYOND: Final = 2.0
"""How much the best score counts beside the rest of the front: so many spans of the costs seen, in logarithms, is it
taken to lead beyond the dearest."""
_FLOOR: Final = 20.0
"""The percentile of scores from which improvements count where nothing cheaper is known."""
_LEAST_SPAN: Final = 0.1
"""Costs that differ by less, in logarithms, are taken to differ by so much."""
_ROUNDS: Final = 4
_KEPT: Final = 8
_MOVES: Final = 24
"""How often the best candidates are moved about, how many of them, and how many moves each makes."""
_LIKELY: Final = 0.3
"""What is less likely to succeed is not tried while anything else can be."""
_SAME: Final = 1e-6
"""Trials that are nearer to each other than this are one."""
_SHUNNED: Final = 1e3
"""Taken off the rating, a logarithm, of what is chosen only if there is nothing else."""


class BeyondCostError(ValueError):
    """Nothing is predicted to cost less than max_suggestion_cost."""


@dataclass(frozen=True)
class Proposal:
    """Where the next trial lies, and what is expected of it. The score is oriented."""

    places: Array
    why: str
    score: float | None = None
    cost: float | None = None


def propose(layout: Layout, settings: ProteinSettings, seed: int, trials: Trials) -> Proposal:
    """The next trial. Raises BeyondCostError."""
    number = trials.started
    if not layout.axes:
        return Proposal(layout.center, "there is nothing to search: every parameter is constant")
    if number == 0 and settings.seed_with_search_center:
        return Proposal(layout.center, "the search starts at the mean of every parameter")
    rng = np.random.default_rng([seed, number])
    if trials.successes >= _ENOUGH:
        chooser = _Chooser(layout, settings, trials, rng)
        if number < settings.num_random_samples:
            points = _untried(_spread(layout, settings, seed, number), trials)
            return chooser.affordable(points, _first_words(number, settings))
        if settings.resample_frequency and number % settings.resample_frequency == 0:
            return chooser.again()
        return chooser.best()
    points = _untried(_spread(layout, settings, seed, number), trials)
    known = trials.known()
    if number < settings.num_random_samples or not np.any(known.failures):
        return Proposal(points[0], _first_words(number, settings))
    in_flight, candidates = layout.features(trials.in_flight()), layout.features(points)
    likeliest = likeliest_success(known, in_flight, candidates, layout.groups, rng)
    return Proposal(points[likeliest], "hardly a trial has succeeded yet: far from those that failed")


def _first_words(number: int, settings: ProteinSettings) -> str:
    if number >= settings.num_random_samples:
        return "spread evenly over the space, until there are results to learn from"
    return f"trial {number + 1} of the {settings.num_random_samples} that are spread evenly before the model is asked"


def _spread(layout: Layout, settings: ProteinSettings, seed: int, number: int) -> Array:
    """Points spread over the space, that of this number first. Every second one lies in the box around the mean."""
    cube = qmc.Sobol(len(layout.axes), scramble=True, rng=np.random.default_rng(seed))
    shares = np.roll(cube.random_base2(_SPREAD.bit_length() - 1), -number, axis=0)
    for index, axis in enumerate(layout.axes):
        if axis.name == settings.cost_param:
            shares[:, index] *= _CHEAP_END
    return layout.spread(layout.narrowed(shares, settings.global_search_scale) if number % 2 == 0 else shares)


def _untried(points: Array, trials: Trials) -> Array:
    """Those of the points where no trial lies, in their order; all of them if there is one on each.

    The number of a trial leads to a point that is taken already once a trial before it was taken back.
    """
    free = points[~_near(points, np.vstack([trials.ended(), trials.in_flight()]))]
    return free if len(free) else points


def _near(points: Array, others: Array) -> NDArray[np.bool_]:
    """Which of the points are one with one of the others."""
    if not len(others):
        return np.zeros(len(points), dtype=bool)
    apart, _ = KDTree(others).query(points, p=np.inf, distance_upper_bound=_SAME)
    return np.isfinite(apart)


class _Chooser:
    """Chooses by what the models expect."""

    def __init__(self, layout: Layout, settings: ProteinSettings, trials: Trials, rng: np.random.Generator) -> None:
        self._layout, self._settings, self._rng = layout, settings, rng
        known, self._in_flight = trials.known(), trials.in_flight()
        self._models = Surrogate(
            known, layout.features(self._in_flight), layout.groups, settings.metric_distribution, rng
        )
        good = known.succeeded
        self._runs = known.successes[good]
        self._ended = trials.ended()
        self._done = self._ended[good]
        self._log_costs = known.log_costs[good]
        self._most = math.log(settings.max_suggestion_cost) if settings.max_suggestion_cost else math.inf
        self._aim = _LEAST_AIM + (1 - _LEAST_AIM) * (trials.started * _GOLDEN % 1)
        beta, self._beyond = settings.ucb_beta, _BEYOND
        if settings.randomize_acquisition:
            beta, self._beyond = beta * rng.uniform(0.5, 1.5), _BEYOND * rng.uniform(0, 2)
        self._outlook = Outlook.of(settings.acquisition_fn, beta)
        seen = np.vstack([self._done, self._in_flight])
        self._around, self._steps, self._aimed = self._front(seen)

    def _front(self, seen: Array) -> tuple[Array, Steps, float]:
        """The trials on the front as the models see it, the steps that they make, and how dear a trial is to be."""
        forecast = self._models.forecast(self._layout.features(seen))
        front = front_of(forecast.score, forecast.log_cost)
        if self._settings.prune_pareto:
            front = without_dear_end(front, forecast.score, forecast.log_cost)
        span = max(float(np.ptp(self._log_costs)), _LEAST_SPAN)
        least, most = float(np.min(self._log_costs)), float(np.max(self._log_costs))
        reach = most + self._settings.expansion_rate * span
        aimed = least + self._aim * (reach - least)
        heights = self._models.scale.back(forecast.score)
        floor = min(float(np.percentile(heights, _FLOOR)), heights[front[0]])
        end = reach + self._beyond * span
        return seen[front], Steps.of(heights[front], forecast.log_cost[front], floor, end), aimed

    def affordable(self, points: Array, why: str) -> Proposal:
        """The first of these points that is not too dear."""
        fits = self._models.log_cost(self._layout.features(points)) < self._most
        if not np.any(fits):
            return self.best()
        return self._proposal(points[int(np.argmax(fits))], why)

    def again(self) -> Proposal:
        """One of the front's trials once more: of those that ran least often, any."""
        scores = self._models.forecast(self._layout.features(self._done))
        front = front_of(scores.score, scores.log_cost)
        front = front[(scores.log_cost[front] < self._most) & ~self._flies(self._done[front])]
        if not len(front):
            return self.best()
        seldom = front[self._runs[front] == np.min(self._runs[front])]
        return self._proposal(
            self._done[self._rng.choice(seldom)], "a trial of the front once more, to learn the noise"
        )

    def best(self) -> Proposal:
        """The candidate that promises most. Raises BeyondCostError."""
        candidates, width = self._candidates(), 0.5
        for _ in range(_ROUNDS + 1):
            ratings = self._ratings(candidates)
            best = candidates[np.argsort(-ratings, kind="stable")[:_KEPT]]
            moved = self._layout.varied(np.repeat(best, _MOVES, axis=0), width, self._rng)
            candidates, width = np.vstack([best, moved]), width / 3
        proposal = self._proposal(best[0], "")
        if not np.isfinite(np.max(ratings)):
            raise BeyondCostError(
                f"no trial is predicted to cost less than max_suggestion_cost {self._settings.max_suggestion_cost:g}; "
                f"the cheapest run so far cost {math.exp(np.min(self._log_costs)):.4g}"
            )
        return proposal

    def _candidates(self) -> Array:
        """From all over the space, and around the front: half in the boxes of each parameter's scale, half nearer."""
        settings, layout = self._settings, self._layout
        shares = qmc.Sobol(len(layout.axes), scramble=True, rng=self._rng)
        everywhere = shares.random_base2(math.ceil(math.log2(settings.random_suggestions)))
        count = max(min(settings.suggestions_per_pareto, _MOST_AROUND // len(self._around)) // 2, 1)
        near = np.repeat(self._around, count, axis=0)
        scale = settings.global_search_scale
        boxes = [layout.varied(near, width * scale, self._rng) for width in (1.0, 0.3)]
        return np.vstack([layout.spread(everywhere[: settings.random_suggestions]), *boxes])

    def _ratings(self, points: Array) -> Array:
        """The logarithm of the area that each is expected to add below the front."""
        forecast = self._models.forecast(self._layout.features(points))
        area = self._steps.area(forecast, self._models.scale, self._outlook)
        ratings = np.log(np.maximum(area, 1e-300)) + np.log(forecast.success)
        ratings -= _SHUNNED * (1.0 * (forecast.success < _LIKELY) + 2.0 * (forecast.log_cost > self._aimed))
        ratings -= 4 * _SHUNNED * (1.0 * self._flies(points) + 1.0 * _near(points, self._ended))
        ratings[forecast.log_cost >= self._most] = -np.inf
        return ratings

    def _flies(self, points: Array) -> NDArray[np.bool_]:
        """Which of the points are in flight."""
        return _near(points, self._in_flight)

    def _proposal(self, point: Array, why: str) -> Proposal:
        forecast = self._models.forecast(self._layout.features(point[None, :]))
        score = float(self._models.scale.back(forecast.score)[0])
        return Proposal(point, why or self._promise(forecast), score, float(np.exp(forecast.log_cost[0])))

    def _promise(self, forecast: Forecast) -> str:
        chance = f", with {forecast.success[0]:.0%} to succeed" if forecast.success[0] < 1 else ""
        return f"promises most of the candidates for the front of {len(self._around)} trials{chance}"
