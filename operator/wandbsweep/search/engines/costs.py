"""What a run cost, from its summary: the metric that is named, or the seconds that it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.tracking.run_values import metric_value

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS: Final = ("time.total", "_wandb.runtime", "_runtime")
"""With an evaluation, as W&B counts them, and as the trainer's clock did."""


def cost_of(summary: Mapping[str, Any], cost_key: str | None) -> float | None:
    """The cost; None where there is none that is greater than 0."""
    found = (metric_value(summary, key) for key in ((cost_key,) if cost_key else _SECONDS))
    return next((cost for cost in found if cost is not None and cost > 0), None)
