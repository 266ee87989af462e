"""The seconds of an agent's life by what became of them; they are what its GPUs were held for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.agent.outcomes import STARTUP, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

IDLE: Final = "idle"
SPENT: Final = (STARTUP, Outcome.FINISHED.value, Outcome.FAILED.value, Outcome.PREEMPTED.value)


def seconds_of_life(spent: Mapping[str, float], life: float) -> dict[str, float]:
    """Every second once: what no run took was idle. Runs side by side share the time that they took together."""
    life = max(0.0, life)
    total = sum(spent.get(name, 0.0) for name in SPENT)
    share = min(1.0, life / total) if total > 0 else 1.0
    seconds = {name: round(spent.get(name, 0.0) * share, 3) for name in SPENT}
    return {**seconds, IDLE: max(0.0, round(life - sum(seconds.values()), 3))}
