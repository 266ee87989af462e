"""What W&B is told of a search by stages: a sweep of method custom, over the whole ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.protein.on_wandb import METHOD
from wandbsweep.sweep.stages.settings import STAGES
from wandbsweep.sweep.wandb_parameters import wandb_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandbsweep.sweep.parameter import Parameter


def without_stages(config: Mapping[str, Any], parameters: Iterable[Parameter]) -> dict[str, Any]:
    """The configuration in W&B's own terms."""
    kept = {key: value for key, value in config.items() if key != STAGES}
    return {**kept, "method": METHOD, "parameters": wandb_parameters(parameters)}
