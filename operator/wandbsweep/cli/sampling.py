"""What a search that draws its values would try: asked of the engine that will search, W&B's own or ours.

A search learns from the runs of the sweep, so this is what it suggests while there are none: repeatable by its seed,
and not what will run. Of a search by stages it is the first one.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.cli.messages import CommandError
from wandbsweep.server.search import Search, SearchError, Trial
from wandbsweep.sweep.search_order import search_order
from wandbsweep.sweep.searching import Engine, engine_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wandbsweep.cli.sweeps import Sweep

_REMEDY: Final = "pip install 'wandbsweep[search]'"
_BY_LIBRARIES: Final = {Engine.OPTUNA: "Optuna", Engine.AX: "Ax"}


def drawn(sweep: Sweep, count: int, seed: int) -> list[Mapping[str, Any]]:
    """The values of so many runs, as W&B records them. Raises CommandError."""
    engine = engine_of(sweep.definition)
    if engine in _BY_LIBRARIES:
        remedy = "`wandbsweep render` shows a trial with values of your own"
        raise CommandError(f"{_BY_LIBRARIES[engine]} draws the values once the search runs; {remedy}")
    if engine and engine.is_ours:
        return _drawn_by_ours(sweep, count, seed)
    return _drawn_by_wandb(sweep.config, count, seed)


class _Nowhere:
    """Results of runs that there are not."""

    def record(
        self,
        wandb_run_id: str,
        summary: Mapping[str, Any],
        *,
        tags_added: Collection[str] = (),
        tags_removed: Collection[str] = (),
    ) -> None:
        """See `wandbsweep.search.results`."""


def _drawn_by_ours(sweep: Sweep, count: int, seed: int) -> list[Mapping[str, Any]]:
    try:
        from wandb.sdk.sweeps.sweep_info import SweepInfo  # noqa: PLC0415 - seconds that no other command has to spend

        from wandbsweep.search.engines import make_optimizer_for  # noqa: PLC0415 - see above
    except ImportError:
        raise CommandError(f"the engine is not installed; {_REMEDY}") from None
    name = str(sweep.config["name"])
    order = search_order(sweep.definition, name=name, max_runs=None, retry_failed=0)
    assert order is not None  # noqa: S101 - the engine is ours
    info = SweepInfo(f"preview-{seed}", name, "", "", dict(sweep.config), "")
    suggestions = make_optimizer_for(order, _Nowhere())(info).ask_n_runs(count) or ()
    return [suggestion.config.flat_dict() for suggestion in suggestions]


def _drawn_by_wandb(config: Mapping[str, Any], count: int, seed: int) -> list[Mapping[str, Any]]:
    try:
        import numpy as np  # noqa: PLC0415 - a second and a half that no other command has to spend

        import wandbsweep.server.engines  # noqa: F401, PLC0415 - see above
    except ImportError:
        raise CommandError(f"W&B's search engine is not installed, which draws the sample; {_REMEDY}") from None
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
