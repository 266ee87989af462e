"""The engines that come with W&B's SDK: optuna, ax, and grid, random and bayes of its own."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Final

from wandb.sdk.sweeps.scheduler.optimizer import make_optimizer

from wandbsweep.search.engine import UnusableOrderError
from wandbsweep.sweep.searching import Engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb.sdk.sweeps.scheduler.optimizer import Optimizer
    from wandb.sdk.sweeps.sweep_info import SweepInfo

    from wandbsweep.sweep.search_order import SearchOrder

_PACKAGES: Final = {
    Engine.OPTUNA: ("optuna", "optuna"),
    Engine.AX: ("ax", "ax-platform"),
    Engine.WANDB: ("sweeps",) * 2,
}
"""What each is imported as, and what it is installed as."""


class MissingPackageError(Exception):
    """An engine needs a package that is not installed here."""


def wandb_engine(order: SearchOrder) -> Callable[[SweepInfo], Optimizer]:
    """See `make_optimizer_for`."""
    module, package = _PACKAGES[order.engine]
    if importlib.util.find_spec(module) is None:
        raise MissingPackageError(
            f"scheduler.engine {order.engine.value} needs the package {package}, which is not installed here; name an "
            "image that has it in spec.search.template, or on a workstation install it"
        )
    return _made


def _made(sweep: SweepInfo) -> Optimizer:
    """Whatever goes wrong here is in the sweep's own scheduler section, or in the file that it names."""
    try:
        return make_optimizer(sweep)
    except Exception as error:
        raise UnusableOrderError(f"spec.sweep.scheduler: {type(error).__name__}: {error}") from error
