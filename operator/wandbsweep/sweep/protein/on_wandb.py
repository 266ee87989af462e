"""What W&B is told of a search by Protein: a sweep of method custom, which it leaves to whoever hands out the runs.

Its page draws an axis for each parameter, and takes only distributions of its own: each range is told as the nearest of
them. Powers of two are listed, so that the axis has these and no others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.protein.settings import PROTEIN
from wandbsweep.sweep.protein.space import INT_UNIFORM, LOG_NORMAL, LOGIT_NORMAL, UNIFORM, UNIFORM_POW2
from wandbsweep.sweep.reading.distributions import CATEGORICAL
from wandbsweep.sweep.wandb_parameters import wandb_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandbsweep.sweep.parameter import Parameter

METHOD: Final = "custom"

_NEAREST: Final[Mapping[str, str]] = {
    UNIFORM: "uniform",
    INT_UNIFORM: "int_uniform",
    LOG_NORMAL: "log_uniform_values",
    LOGIT_NORMAL: "uniform",
}


def without_protein(config: Mapping[str, Any], parameters: Iterable[Parameter]) -> dict[str, Any]:
    """The configuration in W&B's own terms."""
    kept = {key: value for key, value in config.items() if key != PROTEIN}
    return {**kept, "method": METHOD, "parameters": wandb_parameters(map(_told, parameters))}


def _told(parameter: Parameter) -> Parameter:
    if parameter.values is not None:
        return parameter
    low, high = parameter.settings["min"], parameter.settings["max"]
    if parameter.distribution == UNIFORM_POW2:
        powers = [1 << exponent for exponent in range(low.bit_length() - 1, high.bit_length())]
        return replace(parameter, distribution=CATEGORICAL, settings={"values": powers}, implied=True)
    return replace(parameter, distribution=_NEAREST[parameter.distribution], settings={"min": low, "max": high})
