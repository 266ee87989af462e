"""Which engine searches: the ones of this package, one module for each, and W&B's own.

A module of an engine has one function `build(sweep, order, results)`. An engine is imported when it is needed, so that
a package that is missing fails only the searches that need it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, Protocol, cast

from wandbsweep.search.engines.wandb_engines import wandb_engine
from wandbsweep.sweep.searching import Engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb.sdk.sweeps.scheduler.optimizer import Optimizer
    from wandb.sdk.sweeps.sweep_info import SweepInfo

    from wandbsweep.search.results import Results
    from wandbsweep.sweep.search_order import SearchOrder

_OURS: Final = {Engine.SCAN: "scan", Engine.PROTEIN: "protein", Engine.STAGES: "stages"}


class Build(Protocol):
    """What the module of an engine has under the name `build`."""

    def __call__(self, sweep: SweepInfo, order: SearchOrder, results: Results) -> Optimizer:
        """Make the engine for a sweep; raises UnusableOrderError with all that it finds wrong."""
        ...


def make_optimizer_for(order: SearchOrder, results: Results) -> Callable[[SweepInfo], Optimizer]:
    """What makes the optimizer once W&B has told about the sweep.

    Raises (itself, and what it returns):
        UnusableOrderError: the order or the sweep cannot be searched.
        MissingPackageError: the engine needs a package that is not installed.
    """
    if order.engine not in _OURS:
        return wandb_engine(order)
    build = cast("Build", importlib.import_module(f"{__name__}.{_OURS[order.engine]}").build)
    return lambda sweep: build(sweep, order, results)
