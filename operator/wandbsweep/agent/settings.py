"""What the runtime is told: the variables that the operator sets on the container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandbsweep.agent.variables import GRACE_SECONDS, LEAVE_FILE, PYTHON, RUNS_PER_AGENT, SWEEP, TERMINATION_LOG
from wandbsweep.agent.whole_numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_SWEEP_PARTS = 3
_KUBERNETES_GRACE_SECONDS = float(GRACE_SECONDS.default)


class BadEnvironmentError(Exception):
    """A variable is missing or malformed; the message names it and the remedy."""


@dataclass(frozen=True)
class AgentSettings:
    """The agent's orders.

    Attributes:
        sweep: `entity/project/id`.
        runs_per_agent: end after so many runs; None: as many as the sweep hands out.
        grace_seconds: the time between SIGTERM and SIGKILL that Kubernetes leaves this container.
        server: where the W&B server is, as the user knows it; for messages only.
        leave_file: what says that the agent is to leave; None: nothing does.
        python: the interpreter that the user insists on; None: the first that can import wandb.
        termination_log: where Kubernetes reads the last words of the container.
    """

    sweep: str
    runs_per_agent: int | None
    grace_seconds: float
    server: str
    leave_file: str | None
    python: str | None
    termination_log: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> AgentSettings:
        """Reads the variables once; an empty variable counts as absent."""
        return cls(
            sweep=_sweep(environ.get(SWEEP.name, "")),
            runs_per_agent=_runs_per_agent(environ.get(RUNS_PER_AGENT.name, "")),
            grace_seconds=_grace_seconds(environ.get(GRACE_SECONDS.name, "")),
            server=environ.get("WANDB_BASE_URL") or "https://api.wandb.ai",
            leave_file=environ.get(LEAVE_FILE.name) or None,
            python=environ.get(PYTHON.name) or None,
            termination_log=termination_log(environ),
        )


def termination_log(environ: Mapping[str, str]) -> str:
    """The default is Kubernetes' own: terminationMessagePath of a container that says nothing else."""
    return environ.get(TERMINATION_LOG.name) or TERMINATION_LOG.default


def _sweep(text: str) -> str:
    parts = text.split("/")
    if len(parts) != _SWEEP_PARTS or not all(part.strip() for part in parts):
        given = f"{SWEEP.name} is {text!r}" if text else f"{SWEEP.name} is not set"
        raise BadEnvironmentError(f"{given}: set it to entity/project/id of the sweep to join")
    return text


def _runs_per_agent(text: str) -> int | None:
    if not text:
        return None
    number = whole_number(text)
    if number is None or number < 1:
        raise BadEnvironmentError(
            f"{RUNS_PER_AGENT.name} is {text!r}: set it to a whole number of 1 or more, or remove it"
        )
    return number


def _grace_seconds(text: str) -> float:
    try:
        seconds = float(text) if text else _KUBERNETES_GRACE_SECONDS
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds < float("inf"):
        raise BadEnvironmentError(
            f"{GRACE_SECONDS.name} is {text!r}: set it to the pod's terminationGracePeriodSeconds, or remove it"
        )
    return seconds
