"""The operator's memory, idle and with sweeps to look after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import row

from places import a_grid
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from surroundings import Surroundings

    from operators import RunningOperator

SWEEPS = 100
_LOOKS = "wandbsweep_wandb_call_seconds_count{call=read}"


def measure_memory(around: Surroundings) -> Iterator[str]:
    """A fresh operator before and after it has got its sweeps, one agent each, and has read them some times."""
    with around.operated("memory") as (place, operator):
        idle = operator.memory_mib
        for number in range(SWEEPS):
            place.apply(f"sweep-{number}", sweep=a_grid(*range(1, 99)))
        until(lambda: operator.metrics()["wandbsweep_agents{state=active}"] == SWEEPS, "all have agents", seconds=120)
        looks = _looks(operator)
        until(lambda: _looks(operator) >= looks + 4, "every sweep was read again", seconds=120)
        busy = operator.memory_mib

    yield "Resident memory of the operator"
    yield row("idle", f"{idle:.0f} MiB")
    yield row(f"with {SWEEPS} sweeps", f"{busy:.0f} MiB")
    yield row("for each sweep", f"{(busy - idle) * 1024 / SWEEPS:.0f} KiB")


def _looks(operator: RunningOperator) -> float:
    return operator.metrics()[_LOOKS]
