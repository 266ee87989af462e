"""Protein: Bayesian optimisation of a score that minds what each trial costs."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wandbsweep.search.protein.coordinates import Layout
from wandbsweep.search.protein.front import front_of, without_dear_end
from wandbsweep.search.protein.proposals import propose
from wandbsweep.search.protein.trials import Suggestion, Trials
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.protein.settings import PROTEIN, ProteinSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.search.protein.trials import Observation
    from wandbsweep.sweep.definition import SweepDefinition

Goal = Literal["maximize", "minimize"]


class Protein:
    """A search that is asked for trials and told what came of them.

        protein = Protein({"lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2}}, goal="maximize", seed=1)
        suggestion = protein.ask()
        score, seconds = train(**suggestion.values)
        protein.tell(suggestion.id, score, seconds)

    Any number of trials may be in flight. What is suggested depends on the seed and on the trials alone: not on the
    order in which they were told, and not on whether this object suggested them.

    Args:
        parameters: as under `parameters` in a sweep file.
        goal: whether the score is to rise or to fall.
        seed: another one, another search.
        settings: as under `protein` in a sweep file.

    Raises:
        InvalidSweepError: a parameter or a setting is not usable; its text tells all that was found.
    """

    def __init__(
        self, parameters: Mapping[str, Any], goal: Goal = "maximize", *, seed: int = 0, **settings: Any
    ) -> None:
        definition = read_definition(
            {
                "method": PROTEIN,
                "metric": {"name": "score", "goal": goal},
                "parameters": copy.deepcopy(dict(parameters)),
                "command": ["${args_json}"],  # takes any name and any value
                PROTEIN: {name: value for name, value in settings.items() if value is not None},
            },
            field="",
        )
        self._begin(definition, seed)

    @classmethod
    def of(cls, definition: SweepDefinition, seed: int = 0) -> Protein:
        """The search of a definition of method protein."""
        protein = cls.__new__(cls)
        protein._begin(definition, seed)  # noqa: SLF001 - its own
        return protein

    def _begin(self, definition: SweepDefinition, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"seed must be a whole number, 0 or more, not {seed}")
        self._settings = definition.protein or ProteinSettings()
        self._sign = 1.0 if definition.metric_goal == "maximize" else -1.0
        self._seed = seed
        self._layout = Layout.of(definition.parameters)
        self._trials = Trials(self._layout, self._sign)

    def ask(self) -> Suggestion:
        """A trial to run, which is in flight from now on. Raises BeyondCostError if all seem too dear."""
        proposal = propose(self._layout, self._settings, self._seed, self._trials)
        return self._start(
            self._trials.next_id,
            self._trials.values_at(proposal.places),
            proposal.why,
            score=None if proposal.score is None else self._sign * proposal.score,
            cost=proposal.cost,
        )

    def expect(self, values: Mapping[str, Any], number: int | None = None) -> Suggestion:
        """A trial that is in flight already, suggested by an earlier search: tell what came of it under its id.

        Raises ValueError for values that a trial cannot have, and for an id that is known.
        """
        return self._start(self._trials.next_id if number is None else number, values, "it was in flight already")

    def _start(
        self, number: int, values: Mapping[str, Any], why: str, score: float | None = None, cost: float | None = None
    ) -> Suggestion:
        self._trials.start(number, values)
        return Suggestion(number, values, score, cost, why)

    def tell(self, id: int, score: float | None, cost: float | None, failed: bool = False) -> None:  # noqa: A002 - the suggestion's own word
        """What came of a trial. One without a finite score has failed; of one that failed, score and cost are ignored.

        Raises:
            TrialError: there is no such trial, it was told before, or its cost is not greater than 0.
        """
        self._trials.end(id, score, cost, failed=failed)

    def tell_existing(
        self, values: Mapping[str, Any], score: float | None, cost: float | None, failed: bool = False
    ) -> None:
        """What came of a run that this object did not suggest. Raises ValueError for values that it cannot have."""
        self._trials.add(values, score, cost, failed=failed)

    def front(self) -> list[Observation]:
        """The trials that no other beats by a better score for the same cost or less, the cheapest first."""
        found = self._trials.observations()
        scores = np.array([self._sign * each.score for each in found])
        log_costs = np.array([math.log(each.cost) for each in found])
        front = front_of(scores, log_costs)
        if self._settings.prune_pareto:
            front = without_dear_end(front, scores, log_costs)
        return [found[index] for index in front]
