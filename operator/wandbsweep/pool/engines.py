"""Which searches nobody would carry out: W&B's servers know none by Protein, and no engine of ours does.

Such a sweep is not created, since its agents would hold GPUs and wait for runs that nobody hands out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandbsweep.api.reasons import Reason
from wandbsweep.pool.facts import Problem
from wandbsweep.sweep.protein.settings import PROTEIN

if TYPE_CHECKING:
    from wandbsweep.sweep.definition import SweepDefinition


def missing_engine(definition: SweepDefinition | None) -> Problem | None:
    """Why a sound definition cannot be searched; None where it can."""
    if definition is None or definition.method != PROTEIN:
        return None
    return Problem(
        Reason.SEARCH_ENGINE_MISSING,
        "The definition is sound, but this version has no engine for method protein, so no sweep is created and no "
        "agent started. `wandbsweep preview` shows what Protein would try first; method bayes, with distributions of "
        "W&B, runs today",
    )
