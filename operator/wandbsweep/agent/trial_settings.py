"""What the operator tells a trial by its environment; on a workstation nothing is set and nothing is limited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.drain import drain_budget
from wandbsweep.agent.variables import GRACE_SECONDS, STARTUP_RETRIES
from wandbsweep.agent.watch import BadLimitError, Limits, read_seconds
from wandbsweep.agent.whole_numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.agent.variables import Variable

_KILL_DELAY: Final = "WANDB_AGENT_KILL_DELAY"
_USUAL_KILL_DELAY: Final = 30.0

_REPORT_SECONDS: Final = 3.0
"""Between the launcher killing its trainer and being killed itself: W&B is told what became of the run."""


@dataclass(frozen=True)
class TrialSettings:
    """A trial's orders.

    Attributes:
        limits: what the watchdog holds the trainer to.
        startup_retries: how often the trainer is started again.
        grace_seconds: of the pod; None where there is none.
        kill_delay: how long after SIGTERM the W&B agent kills the launcher of a run that was stopped.
    """

    limits: Limits
    startup_retries: int = 0
    grace_seconds: float | None = None
    kill_delay: float = _USUAL_KILL_DELAY

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> TrialSettings:
        """Reads the variables once; an empty variable counts as absent."""
        return cls(
            Limits.from_environ(environ),
            _whole_number(STARTUP_RETRIES, environ),
            read_seconds(GRACE_SECONDS.name, environ) if environ.get(GRACE_SECONDS.name) else None,
            read_seconds(_KILL_DELAY, environ) if environ.get(_KILL_DELAY) else _USUAL_KILL_DELAY,
        )

    def patience(self, *, draining: bool) -> float | None:
        """How long a trainer that was asked to end may take; None where nobody hurries, as on a workstation.

        The launcher is killed later itself, and has to say before that what became of the run.
        """
        if self.grace_seconds is None:
            return None
        if draining:
            return drain_budget(self.grace_seconds).trainer_seconds
        return max(self.kill_delay - _REPORT_SECONDS, self.kill_delay / 2)


def _whole_number(variable: Variable, environ: Mapping[str, str]) -> int:
    text = environ.get(variable.name, "")
    number = whole_number(text or "0")
    if number is None:
        raise BadLimitError(f"{variable.name} is {text!r}: set it to a whole number, or remove it")
    return number
