"""How the time between SIGTERM and Kubernetes' SIGKILL is divided."""

from __future__ import annotations

from dataclasses import dataclass

IDLE_SECONDS = 1.5
"""How long the W&B agent may take to end while no trial runs: it has nothing to save."""

_MARGIN_SECONDS = 2.0
"""Kept back for ending what is left, the termination message and the last lines of the log."""

_AGENT_MARGIN_SECONDS = 1.0
"""Between the W&B agent killing the launcher of its trial and the runtime killing everything."""

_REPORT_SECONDS = 3.0
"""Between the launcher killing its trainer and being killed itself: W&B is told what became of the run."""


@dataclass(frozen=True)
class DrainBudget:
    """Counted from the signal.

    Attributes:
        trainer_seconds: when the launcher of a trial kills a trainer that has not ended.
        term_timeout: when the W&B agent kills a launcher that has not ended; it takes whole seconds, 1 at least.
        kill_after: when the runtime kills whatever is left, the W&B agent included.
    """

    trainer_seconds: float
    term_timeout: int
    kill_after: float


def drain_budget(grace_seconds: float) -> DrainBudget:
    """A short grace period is halved, of a long one all but a margin goes to the trainer."""
    kill_after = max(grace_seconds - _MARGIN_SECONDS, grace_seconds / 2)
    term_timeout = max(1, int(kill_after - _AGENT_MARGIN_SECONDS))
    return DrainBudget(max(term_timeout - _REPORT_SECONDS, term_timeout / 2), term_timeout, kill_after)
