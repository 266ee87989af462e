"""The environment variables of the runtime, each in one row; docs/agent-environment.md is generated from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Variable:
    """A variable that the runtime reads.

    Attributes:
        name: as it is set.
        set_by: who does, usually.
        default: what its absence means.
        meaning: one sentence.
    """

    name: str
    set_by: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Given:
    """A variable that the trial launcher sets for the trainer, and when."""

    name: str
    meaning: str


@dataclass(frozen=True)
class Default:
    """A variable of somebody else's that the agent sets for the W&B agent and its trials unless the user did."""

    name: str
    value: str
    reason: str


SWEEP: Final = Variable("WANDBSWEEP_SWEEP", "operator", "required", "The sweep to join: `entity/project/id`.")
RUNS_PER_AGENT: Final = Variable(
    "WANDBSWEEP_RUNS_PER_AGENT",
    "operator",
    "no limit",
    "After how many runs the agent ends.",
)
GRACE_SECONDS: Final = Variable(
    "WANDBSWEEP_GRACE_SECONDS",
    "operator",
    "30",
    "The pod's terminationGracePeriodSeconds. A trainer that has not ended 6 seconds before it is over is killed.",
)
PYTHON: Final = Variable(
    "WANDBSWEEP_PYTHON",
    "user",
    "the first of the usual places",
    "The Python that can import wandb, and no other; a script in front of one, such as Isaac Sim's, will do.",
)
HOME: Final = Variable(
    "WANDBSWEEP_HOME",
    "user",
    "beside the installed runtime; on a workstation beside the runs in WANDB_DIR",
    "A folder that can be written, for outcomes of runs, parameter files, and W&B's own files without a better place.",
)
TERMINATION_LOG: Final = Variable(
    "WANDBSWEEP_TERMINATION_LOG",
    "user",
    "/dev/termination-log",
    "Where Kubernetes reads the termination message: the container's terminationMessagePath.",
)
INTERPRETER_MAP: Final = Variable(
    "WANDBSWEEP_INTERPRETER_MAP",
    "user, on a workstation",
    "nothing is replaced",
    'JSON such as `{"/isaac-sim/python.sh": "/workspace/isaaclab/isaaclab.sh -p"}`: what a sweep\'s command begins '
    "with, and what stands for it on this machine.",
)
METRIC: Final = Variable(
    "WANDBSWEEP_METRIC",
    "operator",
    "no metric is looked at",
    "The name of the sweep's metric. A trial whose last value of it is no finite number ended by the cause nan-metric.",
)
STARTUP_TIMEOUT: Final = Variable(
    "WANDBSWEEP_STARTUP_TIMEOUT_SECONDS",
    "operator",
    "off",
    "How long a trainer may take to its first metric on W&B: trial.startupTimeoutSeconds. 0 is off. Where an "
    "evaluation follows, its output counts as well.",
)
STALL_TIMEOUT: Final = Variable(
    "WANDBSWEEP_STALL_TIMEOUT_SECONDS",
    "operator",
    "off",
    "How long a trainer may neither print nor log a metric: trial.stallTimeoutSeconds. 0 is off.",
)
TIMEOUT: Final = Variable(
    "WANDBSWEEP_TIMEOUT_SECONDS",
    "operator",
    "off",
    "How long a trainer may take in all, its evaluation included: trial.timeoutSeconds. 0 is off.",
)
STARTUP_RETRIES: Final = Variable(
    "WANDBSWEEP_STARTUP_RETRIES",
    "operator",
    "0",
    "How often the same trial is started again when it died before its first metric for a cause that may pass: "
    "trial.startupRetries.",
)
NODE: Final = Variable(
    "WANDBSWEEP_NODE",
    "operator",
    "unknown",
    "The node of this pod; a run that ended badly is tagged with it.",
)
CHECKPOINTS: Final = Variable(
    "WANDBSWEEP_CHECKPOINTS",
    "operator",
    "runs have no checkpoint folder",
    "The folder, on a volume that outlives the pod, in which each run gets a folder of its own: checkpoint.mountPath.",
)
RESUME_ARGS: Final = Variable(
    "WANDBSWEEP_RESUME_ARGS",
    "operator",
    "nothing is added",
    "JSON list of the words that follow the trainer's command when a run goes on that was interrupted: "
    "checkpoint.resumeArgs. `${checkpoint_dir}` in them is the run's checkpoint folder.",
)
LEAVE_FILE: Final = Variable(
    "WANDBSWEEP_LEAVE_FILE",
    "operator",
    "the agent stays as long as there are runs",
    "A file that is looked at every second. Once it says `after-run`, the agent ends as soon as no trial of it runs.",
)

CACHE: Final = Variable(
    "WANDBSWEEP_ISAAC_CACHE",
    "operator",
    "caches begin and end with the container",
    "The folder, on a volume that outlives the pod, in which caches of Isaac Sim are kept: spec.isaac.cache. Each "
    "image, driver and GPU has a folder of its own there.",
)
CACHE_FOLDERS: Final = Variable(
    "WANDBSWEEP_ISAAC_CACHE_FOLDERS",
    "user",
    "those of Isaac Sim, Kit, Omniverse, pip, Warp and CUDA",
    "JSON list of the folders that are kept there; one may begin with `~/`, which is the user's home.",
)
IMAGE: Final = Variable(
    "WANDBSWEEP_IMAGE", "operator", "unknown", "The image of this container, as the template names it."
)
WARM_UP: Final = Variable(
    "WANDBSWEEP_WARM_UP",
    "operator",
    "Isaac Sim starts, renders some frames and closes",
    "JSON list: the command that fills the caches, spec.isaac.cache.warmUp.command.",
)
WARM_UP_SECONDS: Final = Variable(
    "WANDBSWEEP_WARM_UP_SECONDS",
    "operator",
    "1800",
    "How long that command may take, and how long one that another pod runs is waited for: "
    "spec.isaac.cache.warmUp.timeoutSeconds. 0: caches are used, and not filled.",
)

VARIABLES: Final = (
    SWEEP,
    RUNS_PER_AGENT,
    GRACE_SECONDS,
    METRIC,
    STARTUP_TIMEOUT,
    STALL_TIMEOUT,
    TIMEOUT,
    STARTUP_RETRIES,
    NODE,
    CHECKPOINTS,
    RESUME_ARGS,
    LEAVE_FILE,
    PYTHON,
    HOME,
    TERMINATION_LOG,
    INTERPRETER_MAP,
    CACHE,
    CACHE_FOLDERS,
    IMAGE,
    WARM_UP,
    WARM_UP_SECONDS,
)

SEARCH_ORDER: Final = Variable(
    "WANDBSWEEP_SEARCH_ORDER",
    "operator",
    "required, unless --file names a definition",
    "JSON: the engine, the name of the sweep, its definition, its run cap, and how often a failed trial is run again.",
)
AGENT_COUNT_FILE: Final = Variable(
    "WANDBSWEEP_AGENT_COUNT_FILE",
    "operator",
    "as --agents says",
    "A file with the number of agents that the pool has now, so that as many runs are kept in flight.",
)

SEARCH_VARIABLES: Final = (SEARCH_ORDER, AGENT_COUNT_FILE)

CHECKPOINT_DIR: Final = Given(
    "WANDBSWEEP_CHECKPOINT_DIR",
    "The run's own checkpoint folder, which is there already; only with WANDBSWEEP_CHECKPOINTS.",
)
RESUMED: Final = Given(
    "WANDBSWEEP_RESUMED",
    "`true` when the run began before and goes on now, `false` otherwise.",
)

UPDATE_FINISH_STATE: Final = Given(
    "WANDB_X_UPDATE_FINISH_STATE",
    "`false` where an evaluation follows the training, for both: the run is over when the trial is. W&B's own.",
)

GIVEN: Final = (CHECKPOINT_DIR, RESUMED, UPDATE_FINISH_STATE)

DEFAULTS: Final = (
    Default("PYTHONUNBUFFERED", "1", "What a trainer prints is in the container's log at once."),
    Default(
        "WANDB_HTTP_TIMEOUT",
        "300",
        "The W&B agent signs in again after each run, and ends when the server is away for longer than this; "
        "wandb's own 19 seconds are short.",
    ),
    Default(
        "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL",
        "2",
        "wandb's own 15 seconds hide the history of short runs from early termination, and lose more of a run that "
        "is stopped.",
    ),
    Default(
        "WANDB_RESUME",
        "allow",
        "A run that was preempted is handed out again under its ID: its history goes on instead of beginning anew.",
    ),
    Default("WANDB_ERROR_REPORTING", "false", "No telemetry requests beside each run."),
    Default(
        "WANDB_AGENT_DISABLE_FLAPPING",
        "true",
        "The W&B agent gives up after 3 failures in its first minute; how fast a trainer starts would decide whether "
        "failures count.",
    ),
    Default(
        "WANDB_AGENT_MAX_INITIAL_FAILURES",
        "3",
        "Instead the W&B agent gives up after 3 failures, whenever they come, if at most one run ended otherwise.",
    ),
)
