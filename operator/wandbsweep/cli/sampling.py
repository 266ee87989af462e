"""What a search that draws its values would try: W&B's own engine for random and bayes, Protein's start for protein.

A search learns from the runs of the sweep, so this is what it suggests while there are none: repeatable by its seed,
and not what will run. Of a search by stages it is the first one.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from wandbsweep.cli.messages import CommandError
from wandbsweep.server.search import Search, SearchError, Trial
from wandbsweep.sweep.protein.settings import PROTEIN
from wandbsweep.sweep.protein.space import sample
from wandbsweep.sweep.trials.recorded import recorded_values
from wandbsweep.sweep.wandb_parameters import wandb_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.cli.sweeps import Sweep
    from wandbsweep.sweep.definition import SweepDefinition


def drawn(sweep: Sweep, count: int, seed: int) -> list[Mapping[str, Any]]:
    """The values of so many runs, as W&B records them. Raises CommandError."""
    if sweep.definition.method == PROTEIN:
        return _drawn_by_protein(sweep.definition, count, random.Random(seed))  # noqa: S311 - no secret
    if sweep.definition.stages:
        first = wandb_parameters(sweep.definition.stages[0].parameters)
        return _drawn_by_wandb({**sweep.config, "method": "random", "parameters": first}, count, seed)
    return _drawn_by_wandb(sweep.config, count, seed)


def _drawn_by_protein(definition: SweepDefinition, count: int, rng: random.Random) -> list[Mapping[str, Any]]:
    settings = definition.protein
    assert settings is not None  # noqa: S101 - the method is protein
    found: list[Mapping[str, Any]] = []
    for number in range(count):
        first = number == 0 and settings.seed_with_search_center
        values = sample(definition.parameters, rng, first=first, search_scale=settings.global_search_scale)
        choices = [(parameter, values[".".join(parameter.path)]) for parameter in definition.parameters]
        found.append(recorded_values(choices))
    return found


def _drawn_by_wandb(config: Mapping[str, Any], count: int, seed: int) -> list[Mapping[str, Any]]:
    try:
        import numpy as np  # noqa: PLC0415 - a second and a half that no other command has to spend

        import wandbsweep.server.engines  # noqa: F401, PLC0415 - see above
    except ImportError:
        remedy = "pip install 'wandbsweep[search]'"
        raise CommandError(f"W&B's search engine is not installed, which draws the sample; {remedy}") from None
    _suggest(config, [])  # the engine's first suggestion loads what draws random numbers itself
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the engine draws from the process-wide generators
    trials: list[Trial] = []
    while len(trials) < count and (proposed := _suggest(config, trials)) is not None:
        trials.append(Trial(f"{len(trials)}", "running", proposed))
    return [{name: wire["value"] for name, wire in trial.config.items()} for trial in trials]


def _suggest(config: Mapping[str, Any], trials: Sequence[Trial]) -> Mapping[str, Any] | None:
    try:
        return Search().propose(config, trials)
    except SearchError as error:
        raise CommandError(str(error)) from None
