"""The trials of a search: what is in flight and what came of the others, in an order that no telling changes."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from wandbsweep.search.protein.surrogate import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from wandbsweep.search.protein.coordinates import Layout

    Array = NDArray[np.float64]
    Spot = tuple[float, ...]
    """Where a trial lies, one number for each axis."""


class TrialError(ValueError):
    """What was told makes no sense: of an unknown trial, of one told before, or without a usable cost."""


@dataclass(frozen=True)
class Suggestion:
    """A trial to run: tell what came of it under its id."""

    id: int
    values: Mapping[str, Any]
    """Of every parameter, constants included, in the order of the sweep file."""
    predicted_score: float | None
    """None while the model has not been asked."""
    predicted_cost: float | None
    why: str
    """How it was chosen."""


@dataclass(frozen=True)
class Observation:
    """What came of a trial that succeeded. Runs of the same values are one observation."""

    values: Mapping[str, Any]
    score: float
    """The mean of its runs."""
    cost: float
    """The geometric mean, since costs are modelled as logarithms."""
    runs: int


@dataclass
class _Results:
    """All runs of the same values that have ended. Scores are oriented, the more the better."""

    values: Mapping[str, Any]
    scores: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    failures: int = 0

    @property
    def score(self) -> float:
        return math.fsum(self.scores) / len(self.scores) if self.scores else 0.0

    @property
    def log_cost(self) -> float:
        return math.fsum(map(math.log, self.costs)) / len(self.costs) if self.costs else 0.0

    @property
    def cost(self) -> float:
        """Of a single run as it was told, to the last digit."""
        return self.costs[0] if len(self.costs) == 1 else math.exp(self.log_cost)


class Trials:
    """The record. `sign` orients the scores: -1 where less is better."""

    def __init__(self, layout: Layout, sign: float) -> None:
        self._layout, self._sign = layout, sign
        self._in_flight: dict[int, tuple[Spot, Mapping[str, Any]]] = {}
        self._told: set[int] = set()
        self._results: dict[Spot, _Results] = {}
        self._ended = 0

    @property
    def started(self) -> int:
        """How many runs there are, in flight and ended."""
        return self._ended + len(self._in_flight)

    @property
    def successes(self) -> int:
        """How many different trials have succeeded."""
        return sum(bool(results.scores) for results in self._results.values())

    @property
    def next_id(self) -> int:
        return max([0, *self._in_flight, *self._told]) + 1

    def start(self, number: int, values: Mapping[str, Any]) -> None:
        """A run is in flight. Raises TrialError for a known number, ValueError for values that it cannot have."""
        if number in self._in_flight or number in self._told:
            raise TrialError(f"trial {number} is known already")
        self._in_flight[number] = (self._spot(values), values)

    def end(self, number: int, score: float | None, cost: float | None, *, failed: bool) -> None:
        """A run in flight has ended. Raises TrialError."""
        if number in self._told:
            raise TrialError(f"trial {number} has been told before")
        if number not in self._in_flight:
            flying = ", ".join(map(str, sorted(self._in_flight))) or "none"
            raise TrialError(f"there is no trial {number}; in flight: {flying}")
        self._add(*self._in_flight[number], score, cost, failed=failed)
        del self._in_flight[number]
        self._told.add(number)

    def add(self, values: Mapping[str, Any], score: float | None, cost: float | None, *, failed: bool) -> None:
        """A run has ended that was not in flight. Raises TrialError, and ValueError for values that it cannot have."""
        self._add(self._spot(values), values, score, cost, failed=failed)

    def values_at(self, places: Array) -> Mapping[str, Any]:
        """The values that lie there: to the last digit those of a trial that has ended, if one lies there."""
        results = self._results.get(tuple(places.tolist()))
        return copy.deepcopy(results.values) if results else self._layout.values(places)

    def in_flight(self) -> Array:
        """Where the trials in flight lie."""
        return self._stacked(sorted(spot for spot, _ in self._in_flight.values()))

    def ended(self) -> Array:
        """Where the trials lie of which at least one run has ended."""
        return self._stacked(sorted(self._results))

    def known(self) -> Known:
        """What came of each row of `ended`."""
        rows = [self._results[spot] for spot in sorted(self._results)]
        return Known(
            features=self._layout.features(self.ended()),
            scores=np.array([row.score for row in rows]),
            log_costs=np.array([row.log_cost for row in rows]),
            successes=np.array([float(len(row.scores)) for row in rows]),
            failures=np.array([float(row.failures) for row in rows]),
        )

    def observations(self) -> list[Observation]:
        """The trials that have succeeded."""
        rows = [self._results[spot] for spot in sorted(self._results)]
        return [
            Observation(row.values, self._sign * row.score, row.cost, len(row.scores)) for row in rows if row.scores
        ]

    def _add(
        self, spot: Spot, values: Mapping[str, Any], score: float | None, cost: float | None, *, failed: bool
    ) -> None:
        """One without a finite score has failed; of one that failed, score and cost are ignored."""
        succeeded = not failed and score is not None and math.isfinite(score)
        if succeeded and (cost is None or not 0 < cost < math.inf):
            raise TrialError(f"the cost of a trial must be a number greater than 0, not {cost}")
        results = self._results.setdefault(spot, _Results(values))
        results.values = min(results.values, values, key=repr)  # they may differ by a rounding
        self._ended += 1
        if succeeded and score is not None and cost is not None:
            results.scores.append(self._sign * score)
            results.costs.append(cost)
        else:
            results.failures += 1

    def _spot(self, values: Mapping[str, Any]) -> Spot:
        return tuple(self._layout.places(values).tolist())

    def _stacked(self, spots: list[Spot]) -> Array:
        return np.array(spots, dtype=float).reshape(len(spots), len(self._layout.axes))
