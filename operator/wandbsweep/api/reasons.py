"""Phases, condition types and reasons: every word by which a WandbSweep tells how it fares.

They are API. Each member carries the sentence that says when it occurs; the reference page is made from these
sentences, and no reason is written as a literal anywhere else.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing_extensions import Self


class Phase(str, Enum):
    """The life of a WandbSweep in one word, for the PHASE column. Programs should read the conditions."""

    when: str

    def __new__(cls, value: str, when: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.when = when
        return member

    def __str__(self) -> str:
        return str(self.value)

    PENDING = (
        "Pending",
        "The sweep is not on W&B yet: it is being checked or created, or something stands in the way.",
    )
    RUNNING = ("Running", "The sweep is on W&B and agents work on it, or would if agentCount were not 0.")
    SUSPENDED = ("Suspended", "The sweep is paused, by spec.suspend or on W&B, and its agents are taken down.")
    SUCCEEDED = ("Succeeded", "The sweep is over and condition Complete is true. No agent is left.")
    FAILED = ("Failed", "The sweep is over and condition Failed is true. No agent is left.")


class Reason(str, Enum):
    """Why a condition has its status, or why an Event was sent. CamelCase, stable, one list for the whole operator."""

    when: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The reason that is written so. Raises ValueError for any other text."""
        for reason in cls:
            if reason.value == text:
                return reason
        raise ValueError(f"{text!r} is no reason")

    def __new__(cls, value: str, when: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.when = when
        return member

    def __str__(self) -> str:
        return str(self.value)

    # SweepValid
    VALID = ("Valid", "The definition and the pod template passed every check.")
    VALID_WITH_WARNINGS = (
        "ValidWithWarnings",
        "It passed, but something in it looks unintended; the message says what.",
    )
    PROJECT_MISSING = ("ProjectMissing", "Neither spec.project nor the sweep definition names a W&B project.")
    SWEEP_INVALID = ("SweepInvalid", "The sweep definition has mistakes; the message lists each field and its remedy.")
    CONFIG_MAP_NOT_FOUND = (
        "ConfigMapNotFound",
        "The ConfigMap of spec.sweepFrom or of base_config does not exist; it is read once it does.",
    )
    CONFIG_MAP_KEY_NOT_FOUND = (
        "ConfigMapKeyNotFound",
        "The ConfigMap of spec.sweepFrom or of base_config exists but lacks the key.",
    )
    TEMPLATE_REJECTED = (
        "TemplateRejected",
        "The API server refused the Job made from spec.template, or from spec.search.template, in a dry run.",
    )
    LICENCE_NOT_ACCEPTED = (
        "LicenceNotAccepted",
        "spec.isaac is there without acceptEULA: true. No pod starts, and nothing is created on W&B.",
    )

    # WandbReachable
    REACHABLE = ("Reachable", "W&B answered the last request.")
    SECRET_NOT_FOUND = ("SecretNotFound", "The Secret of spec.wandb.apiKeySecretRef does not exist in this namespace.")
    SECRET_KEY_NOT_FOUND = ("SecretKeyNotFound", "The Secret exists but lacks the key, or the key is empty.")
    API_KEY_INVALID = ("APIKeyInvalid", "W&B refused the API key.")
    SERVER_UNREACHABLE = (
        "ServerUnreachable",
        "No connection to W&B, or no answer in time. Agents go on; it is retried.",
    )
    SERVER_ERROR = ("ServerError", "W&B answered with an error of its own (5xx) or with something unreadable.")
    RATE_LIMITED = ("RateLimited", "W&B asked to slow down (429). The operator waits as long as it was told to.")

    # SweepCreated
    CREATING = ("Creating", "The intent is recorded and the sweep is being created on W&B.")
    CREATED = ("Created", "The operator created the sweep on W&B.")
    ADOPTED = ("Adopted", "The sweep had been created by an attempt that was cut short; it was found by its marker.")
    JOINED = ("Joined", "spec.sweepID names a sweep that exists; its agents work on that one.")
    SWEEP_NOT_FOUND = ("SweepNotFound", "spec.sweepID names a sweep that W&B does not know in this entity and project.")
    SWEEP_REJECTED = ("SweepRejected", "W&B refused to create the sweep; the message is its answer.")
    SCHEDULER_UNSUPPORTED = (
        "SchedulerUnsupported",
        "The sweep needs a search beside W&B's server, and that server has no scheduler feature to hand its runs out.",
    )
    NOT_VALID = ("NotValid", "Nothing is created while SweepValid is not true.")
    NOT_REACHABLE = ("NotReachable", "Nothing can be created while WandbReachable is not true.")

    # SearchReady
    SEARCH_RUNNING = ("SearchRunning", "The search is ready and hands out runs.")
    SEARCH_STARTING = ("SearchStarting", "The search's Job is being created, or its pod is not ready yet.")
    SEARCH_FAILING = (
        "SearchFailing",
        "The search ended badly and is started again with growing delay. Agents go on with the runs they have.",
    )
    SEARCH_INVALID = ("SearchInvalid", "The search cannot use what it was told; the message is its own.")
    SEARCH_ENGINE_MISSING = (
        "SearchEngineMissing",
        "The image of the search lacks the package of the engine; the message names it.",
    )
    SEARCH_REJECTED = ("SearchRejected", "The API server refused the search's Job: a quota, or an admission policy.")

    # AgentsReady
    ALL_READY = ("AllReady", "As many agents are ready as agentCount asks for.")
    STARTING = ("Starting", "Some agents are being created or their pods have not started yet.")
    WARMING_UP = ("WarmingUp", "Agents wait for the warm-up of Isaac Sim's caches: spec.isaac.cache.warmUp.")
    UNSCHEDULABLE = ("Unschedulable", "The scheduler finds no node for some agent; the message is the scheduler's.")
    AGENTS_QUEUED = (
        "AgentsQueued",
        "Some agents wait for admission to their queue (or their Jobs were suspended by somebody else).",
    )
    AGENT_REJECTED = ("AgentRejected", "The API server refused an agent Job: a quota, or an admission policy.")
    AGENTS_FAILING = ("AgentsFailing", "Agents end badly one after the other; new ones are started with growing delay.")
    SCALED_TO_ZERO = ("ScaledToZero", "agentCount is 0: no agent is wanted.")
    NO_SWEEP = ("NoSweep", "There is no sweep on W&B to work on yet.")
    SWEEP_OVER = ("SweepOver", "The sweep is complete or failed: agents have been removed.")

    # Suspended
    SUSPENDED = ("Suspended", "spec.suspend is true: the sweep is paused on W&B and has no agents.")
    PAUSED_ON_WANDB = (
        "PausedOnWandb",
        "Somebody paused the sweep on W&B: agents leave after their run, and come back when it is resumed there.",
    )
    NOT_SUSPENDED = ("NotSuspended", "The sweep is not paused.")

    # Ready
    AGENTS_RUNNING = ("AgentsRunning", "The sweep is on W&B and all agents are ready.")

    # Complete
    RUN_CAP_REACHED = ("RunCapReached", "As many runs as the cap allows have ended.")
    GRID_EXHAUSTED = ("GridExhausted", "Every point of the grid has been run.")
    SWEEP_FINISHED = ("SweepFinished", "The sweep was marked as finished or stopped on W&B.")
    TARGET_REACHED = ("TargetReached", "A run reached limits.target.")
    GPU_HOURS_USED = ("GPUHoursUsed", "The agents held GPUs for as many hours as limits.maxGPUHours allows.")
    IN_PROGRESS = ("InProgress", "The sweep is not over.")

    # Failed
    ALL_RUNS_FAILED = ("AllRunsFailed", "The sweep is over and not one run finished well.")
    SWEEP_CANCELED = ("SweepCanceled", "The sweep was canceled on W&B.")
    SWEEP_CRASHED = ("SweepCrashed", "W&B reports the sweep itself as crashed or failed.")
    SWEEP_DELETED = ("SweepDeleted", "The sweep had been created, and W&B no longer knows it.")
    MAX_FAILED_RUNS = ("MaxFailedRuns", "As many runs failed by the user's code or values as limits.maxFailedRuns.")
    SEARCH_GAVE_UP = (
        "SearchGaveUp",
        "As many runs failed as the budget has, so that the search, which replaces failed runs, replaced them no more.",
    )
    DEADLINE_EXCEEDED = ("DeadlineExceeded", "The sweep was active for longer than limits.activeDeadlineSeconds.")
    NOT_FAILED = ("NotFailed", "Nothing has failed the sweep as a whole.")

    # Events only
    AGENT_CREATED = ("AgentCreated", "An agent Job was created for a slot.")
    AGENT_ENDED = ("AgentEnded", "An agent did what was asked of it (runsPerAgent, or the sweep was over) and ended.")
    AGENT_FAILED = ("AgentFailed", "An agent ended badly; the message has its exit code and what it means.")
    AGENT_REMOVED = ("AgentRemoved", "An agent Job was removed: its slot is no longer wanted or the sweep is over.")
    AGENT_EVICTED = (
        "AgentEvicted",
        "The queue took an agent's place back: its Job was suspended and its pod goes. It waits for admission again.",
    )
    AGENT_LEAVING = ("AgentLeaving", "An agent was asked to leave after its current run.")
    RUN_FAILED = ("RunFailed", "A run ended badly; the message has its cause, its node and what the cause means.")
    NODE_AVOIDED = ("NodeAvoided", "Every run of an agent failed on this node; new agents go elsewhere for an hour.")
    WARM_UP_STARTED = ("WarmUpStarted", "A Job was created that fills the caches of Isaac Sim before the agents start.")
    WARM_UP_DONE = ("WarmUpDone", "The caches of Isaac Sim are filled; agents start.")
    WARM_UP_FAILED = ("WarmUpFailed", "The warm-up ended badly or took too long; agents start with cold caches.")
    NO_RAY_TRACING = (
        "NoRayTracing",
        "spec.isaac.profile is camera, and a pod was on a GPU without ray-tracing cores: cameras crash, or are slow.",
    )
    SWEEP_UPDATED = ("SweepUpdated", "The run cap, name or description of the sweep was changed on W&B.")
    SWEEP_REPLACED = ("SweepReplaced", "The definition changed: the sweep was stopped, and a new one is created.")
    SCAN_RETAKEN = (
        "ScanRetaken",
        "spec.search.retryFailed was raised: a finished scan goes on, with the trials that failed.",
    )
    OVERRUN_STOPPED = ("OverrunStopped", "W&B went on beyond the run cap: the sweep was stopped, running runs end.")
    OBJECT_EXPIRED = ("ObjectExpired", "ttlSecondsAfterFinished is over: the object is deleted.")
    SWEEP_STOPPED = (
        "SweepStopped",
        "The object was deleted under deletionPolicy Stop: no new runs, running ones may end.",
    )
    SWEEP_CANCEL_REQUESTED = (
        "SweepCancelRequested",
        "The object was deleted under deletionPolicy Cancel: runs are killed.",
    )
    SWEEP_RETAINED = ("SweepRetained", "The object was deleted under deletionPolicy Retain: the sweep stays as it is.")
    CLEANUP_GAVE_UP = (
        "CleanupGaveUp",
        "W&B stayed out of reach on deletion; the object went, the sweep stays as it is.",
    )


EVENT_ONLY_REASONS: Final = (
    Reason.AGENT_CREATED,
    Reason.AGENT_ENDED,
    Reason.AGENT_FAILED,
    Reason.AGENT_REMOVED,
    Reason.AGENT_EVICTED,
    Reason.AGENT_LEAVING,
    Reason.RUN_FAILED,
    Reason.NODE_AVOIDED,
    Reason.WARM_UP_STARTED,
    Reason.WARM_UP_DONE,
    Reason.WARM_UP_FAILED,
    Reason.NO_RAY_TRACING,
    Reason.SWEEP_UPDATED,
    Reason.SWEEP_REPLACED,
    Reason.SCAN_RETAKEN,
    Reason.OVERRUN_STOPPED,
    Reason.OBJECT_EXPIRED,
    Reason.SWEEP_STOPPED,
    Reason.SWEEP_CANCEL_REQUESTED,
    Reason.SWEEP_RETAINED,
    Reason.CLEANUP_GAVE_UP,
)
"""Reasons that no condition carries. Events sent when a condition changes carry that condition's reason."""

_SWEEP_VALID = (
    Reason.VALID,
    Reason.VALID_WITH_WARNINGS,
    Reason.PROJECT_MISSING,
    Reason.SWEEP_INVALID,
    Reason.CONFIG_MAP_NOT_FOUND,
    Reason.CONFIG_MAP_KEY_NOT_FOUND,
    Reason.TEMPLATE_REJECTED,
    Reason.LICENCE_NOT_ACCEPTED,
)
_WANDB_REACHABLE = (
    Reason.REACHABLE,
    Reason.SECRET_NOT_FOUND,
    Reason.SECRET_KEY_NOT_FOUND,
    Reason.API_KEY_INVALID,
    Reason.SERVER_UNREACHABLE,
    Reason.SERVER_ERROR,
    Reason.RATE_LIMITED,
)
_SWEEP_CREATED = (
    Reason.CREATING,
    Reason.CREATED,
    Reason.ADOPTED,
    Reason.JOINED,
    Reason.SWEEP_NOT_FOUND,
    Reason.SWEEP_REJECTED,
    Reason.SCHEDULER_UNSUPPORTED,
    Reason.NOT_VALID,
    Reason.NOT_REACHABLE,
)
_SEARCH_READY = (
    Reason.SEARCH_RUNNING,
    Reason.SEARCH_STARTING,
    Reason.SEARCH_FAILING,
    Reason.SEARCH_INVALID,
    Reason.SEARCH_ENGINE_MISSING,
    Reason.SCHEDULER_UNSUPPORTED,
    Reason.SEARCH_REJECTED,
    Reason.SUSPENDED,
    Reason.PAUSED_ON_WANDB,
    Reason.NO_SWEEP,
    Reason.SWEEP_OVER,
)
_AGENTS_READY = (
    Reason.ALL_READY,
    Reason.STARTING,
    Reason.WARMING_UP,
    Reason.UNSCHEDULABLE,
    Reason.AGENTS_QUEUED,
    Reason.AGENT_REJECTED,
    Reason.AGENTS_FAILING,
    Reason.SCALED_TO_ZERO,
    Reason.SUSPENDED,
    Reason.PAUSED_ON_WANDB,
    Reason.NO_SWEEP,
    Reason.SWEEP_OVER,
)
_READY = tuple(
    dict.fromkeys(
        (
            Reason.AGENTS_RUNNING,
            *_SWEEP_VALID[2:],
            *_WANDB_REACHABLE[1:],
            *_SWEEP_CREATED,
            *_SEARCH_READY[1:],
            *_AGENTS_READY[1:],
        )
    )
)
_SUSPENDED = (Reason.SUSPENDED, Reason.PAUSED_ON_WANDB, Reason.NOT_SUSPENDED)
_COMPLETE = (
    Reason.RUN_CAP_REACHED,
    Reason.GRID_EXHAUSTED,
    Reason.SWEEP_FINISHED,
    Reason.TARGET_REACHED,
    Reason.GPU_HOURS_USED,
    Reason.IN_PROGRESS,
)
_FAILED = (
    Reason.ALL_RUNS_FAILED,
    Reason.SWEEP_CANCELED,
    Reason.SWEEP_CRASHED,
    Reason.SWEEP_DELETED,
    Reason.MAX_FAILED_RUNS,
    Reason.SEARCH_GAVE_UP,
    Reason.DEADLINE_EXCEEDED,
    Reason.NOT_FAILED,
)


class ConditionType(str, Enum):
    """The conditions in `status.conditions`, as `kubectl wait --for=condition=<type>` names them."""

    when: str
    reasons: tuple[Reason, ...]

    def __new__(cls, value: str, when: str, reasons: tuple[Reason, ...]) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.when = when
        member.reasons = reasons
        return member

    def __str__(self) -> str:
        return str(self.value)

    SWEEP_VALID = ("SweepValid", "The sweep definition and the pod template can be used as they are.", _SWEEP_VALID)
    WANDB_REACHABLE = ("WandbReachable", "W&B answers, and accepts the API key.", _WANDB_REACHABLE)
    SWEEP_CREATED = ("SweepCreated", "The sweep is on W&B; its ID is in status.sweepID.", _SWEEP_CREATED)
    SEARCH_READY = (
        "SearchReady",
        "The search that W&B's server does not do itself is up. Absent where there is none.",
        _SEARCH_READY,
    )
    AGENTS_READY = ("AgentsReady", "As many agents are ready as agentCount asks for.", _AGENTS_READY)
    READY = (
        "Ready",
        "All of the above. Otherwise it carries the reason of the first of them that is not true.",
        _READY,
    )
    SUSPENDED = (
        "Suspended",
        "The sweep is paused, by spec.suspend or on W&B. Agents are gone or leaving; resuming loses nothing.",
        _SUSPENDED,
    )
    COMPLETE = (
        "Complete",
        "The budget or the grid is done, or the sweep was finished on W&B. Final; if Failed is true, its reason.",
        (*_COMPLETE, *_FAILED[:-1]),
    )
    FAILED = ("Failed", "The sweep is over without a result. Final. Never true together with Complete.", _FAILED)
