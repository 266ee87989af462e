"""Every exit code that the runtime chooses itself, with its reason and who reads it.

The page docs/exit-codes.md is generated from here. Codes below 20 are left to Python and wandb, codes from 128 to
signals; a trainer's own code is passed on unchanged by `wandbsweep trial`.
"""

from __future__ import annotations

import signal
from enum import IntEnum
from typing import final


class _ContainerExit(IntEnum):
    """An exit code of a container's main process; its reason is in the termination message too."""

    reason: str
    when: str
    reader: str

    def __new__(  # noqa: PYI034 - Self is not in the standard library of Python 3.10
        cls, code: int, reason: str, when: str, reader: str
    ) -> _ContainerExit:
        """An integer that also carries its row of the table."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.reason = reason
        member.when = when
        member.reader = reader
        return member


@final
class AgentExit(_ContainerExit):
    """How `wandbsweep agent`, the container's main process, ends. Read by the operator and by podFailurePolicy."""

    DONE = (
        0,
        "Done",
        "The sweep handed out no more runs, or the agent ran as many as runsPerAgent allows.",
        "The operator frees the slot, or starts a fresh agent in it while the sweep goes on.",
    )
    DRAINED = (
        20,
        "Drained",
        "SIGTERM or SIGINT arrived, and everything was ended in time.",
        "The operator: not a failure; podFailurePolicy can tell it from one.",
    )
    RUNS_FAILED = (
        21,
        "RunsFailed",
        "Every run of this agent failed, or so many that the W&B agent gave up.",
        "The operator: this agent or its node is suspect, the sweep may go on elsewhere.",
    )
    SWEEP_GONE = (
        22,
        "SweepGone",
        "The W&B server does not know the sweep (any more).",
        "The operator looks the sweep up before it starts another agent.",
    )
    WANDB_UNREACHABLE = (
        23,
        "WandbUnreachable",
        "The W&B server could not be reached, or did not answer in time.",
        "The operator starts a fresh agent later.",
    )
    API_KEY_REJECTED = (
        24,
        "APIKeyRejected",
        "The W&B server does not accept the API key, or there is none.",
        "The user: correct the Secret that spec.wandb.apiKeySecretRef names.",
    )
    WANDB_MISSING = (
        25,
        "WandbMissing",
        "The image has no Python (3.10 or newer) that can import wandb.",
        "The user: install wandb in the image, or set WANDBSWEEP_PYTHON in the template.",
    )
    BAD_ENVIRONMENT = (
        26,
        "BadEnvironment",
        "A variable or folder that the runtime needs is missing or malformed.",
        "The user and the operator's developers: the message names the variable and the remedy.",
    )
    AGENT_CRASHED = (
        27,
        "AgentCrashed",
        "The W&B agent ended with an error that is none of the above, or was killed.",
        "The operator starts a fresh agent, and more slowly each time.",
    )


@final
class TrialExit(IntEnum):
    """How `wandbsweep trial` ends for a cause of its own. Read by the W&B agent, which counts a failed run."""

    when: str
    reader: str

    def __new__(cls, code: int, when: str, reader: str) -> TrialExit:
        """An integer that also carries its row of the table."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.when = when
        member.reader = reader
        return member

    BAD_ARGUMENTS = (
        64,
        "The sampled values or the command cannot be turned into arguments; nothing was started.",
        "The user: the message names the parameter.",
    )
    NO_RUN = (
        65,
        "The trainer ended with code 0 and had reported nothing to the run that W&B handed out.",
        "The user: the trainer must call wandb.init(), and log to the run that it is given.",
    )
    NAN_METRIC = (
        66,
        "The trainer ended with code 0, and the last value of the sweep's metric is no finite number.",
        "The user: what was sampled does not train.",
    )
    TIMED_OUT = (
        67,
        "A limit of spec.trial was over, and the trainer answered SIGTERM with code 0.",
        "The user: the run's tag on W&B names the limit.",
    )
    NOT_EXECUTABLE = (
        126,
        "The trainer's program is there but cannot be executed.",
        "The user: the message names the file.",
    )
    NOT_FOUND = (
        127,
        "The trainer's program is not in the image.",
        "The user: the message names it, and WANDBSWEEP_INTERPRETER_MAP as the remedy on a workstation.",
    )


@final
class SearchExit(_ContainerExit):
    """How `wandbsweep search` ends. Read by the operator, which starts another search or waits for an edit."""

    DONE = (0, "Done", "The sweep is over on W&B.", "The operator writes the verdict.")
    DRAINED = (
        20,
        "Drained",
        "SIGTERM or SIGINT arrived; what was handed out is on W&B.",
        "The operator: not a failure; another search goes on from the recorded runs.",
    )
    INVALID = (
        30,
        "SearchInvalid",
        "What the search was told cannot be used; nothing was handed out.",
        "The user: the message names the field. It is not started again until spec changes.",
    )
    UNSUPPORTED = (
        31,
        "SchedulerUnsupported",
        "The W&B server has no scheduler feature.",
        "The user: take a newer server, the embedded one, or a method that W&B searches itself.",
    )
    ENGINE_MISSING = (
        32,
        "SearchEngineMissing",
        "The image of the search lacks the package of the engine.",
        "The user: name an image that has it in spec.search.template.",
    )
    UNREACHABLE = (
        33,
        "WandbUnreachable",
        "W&B stayed out of reach, or did not accept the API key.",
        "The operator starts another search later.",
    )
    FAILED = (
        34,
        "SearchFailed",
        "The engine ended with an error.",
        "The operator starts another search, and more slowly each time.",
    )


@final
class WarmUpExit(_ContainerExit):
    """How `wandbsweep warm-up` ends. Read by the operator, which starts the agents after each of them."""

    DONE = (0, "Done", "The caches are on the volume.", "The operator starts the agents.")
    DRAINED = (
        20,
        "Drained",
        "SIGTERM or SIGINT arrived.",
        "The operator: the Job starts another pod.",
    )
    FAILED = (
        40,
        "WarmUpFailed",
        "The command of the warm-up ended badly, or took too long.",
        "The user: the message and the pod's log say why. The agents start with cold caches.",
    )
    CACHE_UNUSABLE = (
        41,
        "CacheUnusable",
        "The volume, or a folder of the container, cannot be written.",
        "The user: the message names the folder. The agents start with cold caches.",
    )
    BAD_ENVIRONMENT = (
        42,
        "BadEnvironment",
        "A variable or folder that the runtime needs is missing or malformed.",
        "The user: the message names the variable and the remedy.",
    )


SIGNAL_BASE = 128
"""A trainer that died by signal n ends the trial with 128+n, as a shell would."""

SIGTERM_CODE = SIGNAL_BASE + signal.SIGTERM
"""A trial that was asked to end before its trainer could report to its run."""

USAGE_ERROR = 2
"""A command line that nobody can read, as argparse and click have it."""
