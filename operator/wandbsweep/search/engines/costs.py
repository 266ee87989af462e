"""What a run cost, from its summary: the metric that is named, or the seconds that it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.tracking.run_values import metric_value

if TYPE_CHECKING:
    from collections.abc import Mapping

_RUNTIME: Final = "_wandb.runtime"
"""As W&B counts it, in whole seconds."""
_SECONDS: Final = ("time.total", _RUNTIME, "_runtime")
"""With an evaluation, as W&B counts them, and as the trainer's clock did."""
_SHORTEST: Final = 1.0
"""What a run counts that took less than W&B counts."""


def cost_of(summary: Mapping[str, Any], cost_key: str | None) -> float | None:
    """The cost; None where there is none that is greater than 0."""
    found = (metric_value(summary, key) for key in ((cost_key,) if cost_key else _SECONDS))
    cost = next((cost for cost in found if cost is not None and cost > 0), None)
    if cost is None and not cost_key and metric_value(summary, _RUNTIME) == 0:
        return _SHORTEST
    return cost
