"""Why a trial ended: one cause for each, from one list, for the runtime, the operator's counters and the docs.

A cause is a tag of its run on W&B (`wandbsweep:<cause>`), so that it is counted where the runs are, whoever found it
out, and a restart of anything neither loses nor doubles one.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, final

TAG_PREFIX: Final = "wandbsweep:"
NODE_TAG_PREFIX: Final = "wandbsweep.node:"
LONGEST_TAG: Final = 64
"""W&B refuses longer tags."""


@final
class Cause(str, Enum):
    """How a trial ended.

    Attributes:
        when: the sentence of the reference page, and the message of Events.
        of_user: whether the user's code or values brought it about; those count towards limits.maxFailedRuns.
        may_pass: whether the same trial may do better on a second try before its first metric.
    """

    when: str
    of_user: bool
    may_pass: bool

    def __new__(cls, value: str, when: str, of_user: bool = False, may_pass: bool = False) -> Cause:
        """A word that also carries its row of the table."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.when = when
        member.of_user = of_user
        member.may_pass = may_pass
        return member

    def __str__(self) -> str:
        return str(self.value)

    FINISHED = ("finished", "The trainer ended with code 0, or its run had finished on W&B before it was ended.")
    TRAINER_ERROR = ("trainer-error", "The trainer ended with a code of its own that is not 0.", True)
    BAD_ARGUMENTS = (
        "bad-arguments",
        "The sampled values or the command could not be turned into a trainer, or the trainer refused them.",
        True,
    )
    OUT_OF_MEMORY = (
        "out-of-memory",
        "The trainer ran out of memory, of its container or of the GPU: lower num_envs or raise the limit.",
        True,
    )
    NAN_METRIC = ("nan-metric", "The sweep's metric was no finite number when the trainer ended.", True)
    NO_RUN = (
        "no-run",
        "The trainer ended with code 0 and had reported no run to W&B.",
        True,
    )
    STARTUP_TIMEOUT = (
        "startup-timeout",
        "No metric came within trial.startupTimeoutSeconds.",
        True,
        True,
    )
    STALLED = ("stalled", "Neither output nor a metric came for trial.stallTimeoutSeconds.", True)
    RUN_TIMEOUT = ("run-timeout", "The trial took longer than trial.timeoutSeconds.", True)
    EVALUATION_FAILED = (
        "evaluation-failed",
        "The training ended well, and evaluation.command failed or took longer than evaluation.timeoutSeconds.",
        True,
    )
    SIMULATOR_START = (
        "simulator-start",
        "The simulator died before the first metric, by a signal or with words that tell of its GPU or driver.",
        False,
        True,
    )
    PREEMPTED = ("preempted", "The pod had to go; W&B hands the same run out again.")
    STOPPED = ("stopped", "Somebody stopped the run: a user, the sweep, or early termination.")
    NODE_LOST = ("node-lost", "The run fell silent without an end: its node or its container was lost.")

    @property
    def tag(self) -> str:
        """The tag of a run that ended so."""
        return f"{TAG_PREFIX}{self.value}"


def node_tag(node: str) -> str:
    """The tag that says on which node a run ended badly, cut where W&B would refuse it."""
    return f"{NODE_TAG_PREFIX}{node}"[:LONGEST_TAG]
