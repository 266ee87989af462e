"""Which sweeps need a search beside W&B's server, and by which engine."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wandbsweep.sweep.definition import SweepDefinition

NO_METRIC: Final = "wandbsweep/none"
"""W&B's scheduler wants a metric: this stands for none, and no trainer logs it."""


class Engine(str, Enum):
    """What proposes the runs of a sweep that W&B's server does not search: ours, and those that W&B's scheduler has."""

    SCAN = "scan"
    PROTEIN = "protein"
    STAGES = "stages"
    OPTUNA = "optuna"
    AX = "ax"
    WANDB = "wandb"

    def __str__(self) -> str:
        return str(self.value)

    @property
    def is_ours(self) -> bool:
        """Whether W&B's own scheduler does not know it."""
        return self in {Engine.SCAN, Engine.PROTEIN, Engine.STAGES}


def engine_of(definition: SweepDefinition) -> Engine | None:
    """The engine that searches this sweep; None where W&B's server does."""
    if definition.method in {Engine.SCAN.value, Engine.PROTEIN.value, Engine.STAGES.value}:
        return Engine(definition.method)
    return Engine(definition.scheduler.engine) if definition.scheduler else None
