"""Which runs of the front are shown in status: both ends, and others evenly between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.api.status import FrontRun as ShownRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandbsweep.pool.facts import FrontRun

SHOWN: Final = 5


def shown(front: Sequence[FrontRun]) -> list[ShownRun]:
    """Five at most, the cheapest first."""
    by_cost = sorted(front, key=lambda run: (run.cost, run.run_id))
    return [_as_shown(by_cost[position]) for position in _evenly(len(by_cost))]


def _evenly(count: int) -> list[int]:
    if count <= SHOWN:
        return list(range(count))
    return [round(step * (count - 1) / (SHOWN - 1)) for step in range(SHOWN)]


def _as_shown(run: FrontRun) -> ShownRun:
    return ShownRun(
        run_id=run.run_id,
        name=run.name,
        url=run.url,
        score=run.score,
        cost=run.cost,
        parameters=dict(run.parameters),
    )
