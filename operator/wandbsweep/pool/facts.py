"""What a pass knows: frozen facts about one sweep, its Jobs and pods, and the time.

The controller reads them at the borders; every decision of this room is a function of them and of nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from wandbsweep.api import labels
from wandbsweep.api.reasons import Reason
from wandbsweep.sweep.path import SweepPath

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from wandbsweep.agent.causes import Cause
    from wandbsweep.api.spec import WandbSweepSpec
    from wandbsweep.api.status import WandbSweepStatus
    from wandbsweep.sweep.definition import SweepDefinition


@dataclass(frozen=True)
class Problem:
    """Why something that should be true is not: a reason from the one list, and a sentence with the remedy."""

    reason: Reason
    message: str
    retry_after: timedelta | None = None  # how long a server asked to be left alone


@dataclass(frozen=True)
class Intent:
    """The record on an object that a sweep is about to be created, written before anything is sent to W&B.

    `token` is `<generation>-<digest of the definition>`: it is in the marker of the sweep, and in status.sweepDigest
    once the sweep is known, so that an intent that led to nothing yet can be told from one that did.
    """

    at: datetime
    token: str


class SweepState(str, Enum):
    """The states of a sweep on the wire, as far as a decision depends on them."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    CRASHED = "CRASHED"  # also what W&B calls ERROR and FLAPPING

    @classmethod
    def from_wire(cls, text: str) -> SweepState:
        """An unknown state is read as RUNNING: the stock agents go on as well, and so no GPU work is lost."""
        upper = text.upper()
        if upper in {"ERROR", "FLAPPING"}:
            return cls.CRASHED
        return cls(upper) if upper in cls.__members__ else cls.RUNNING


# In these states a sweep hands out runs.
HANDING_OUT = frozenset({SweepState.PENDING, SweepState.RUNNING})

# What is wrong with an object from which no pod may be made.
_REFUSING = frozenset({Reason.TEMPLATE_REJECTED, Reason.LICENCE_NOT_ACCEPTED})

# A run in one of these states will not change any more.
ENDED_RUN_STATES = frozenset({"finished", "failed", "crashed", "killed"})


@dataclass(frozen=True)
class Best:
    """The finished run with the best value of the sweep's metric."""

    run_id: str
    name: str
    url: str
    metric: str
    value: float
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class FrontRun:
    """A run on the front of scores over costs."""

    run_id: str
    name: str
    url: str
    score: float
    cost: float
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class FailedRun:
    """A run that ended badly, as an Event tells of it."""

    run_id: str
    name: str
    url: str
    cause: Cause
    node: str | None
    seen_at: datetime | None = None  # its last sign of life, about when it ended
    explained: bool = True  # tagged with its cause, which is otherwise read from its state


@dataclass(frozen=True)
class SweepReading:
    """The sweep as the W&B server showed it at `read_at`."""

    path: SweepPath
    url: str
    state: SweepState
    state_text: str
    method: str
    run_cap: int | None
    grid_size: int | None
    runs_by_state: Mapping[str, int]
    best: Best | None
    read_at: datetime
    quiet_since: datetime  # since when state and counts have been the same
    failures: Mapping[Cause, int] = field(default_factory=dict)  # runs that did not end well, counted once each
    latest_failures: tuple[FailedRun, ...] = ()  # five at most, newest first
    unexplained: int = 0  # failed runs without a tag; their launchers may be about to write it
    unexplained_since: datetime | None = None  # since when there have been so many
    metric: str | None = None  # the name of what the sweep optimizes
    display_name: str | None = None
    description: str | None = None
    goal: Literal["minimize", "maximize"] | None = None  # of the sweep's metric
    front: tuple[FrontRun, ...] = ()  # of a search by Protein, cheapest first

    @property
    def total_runs(self) -> int:
        """Every run that was handed out, whatever became of it."""
        return sum(self.runs_by_state.values())

    @property
    def open_runs(self) -> int:
        """Runs that may still change: running, pending, or preempted and waiting to be handed out again."""
        return sum(count for state, count in self.runs_by_state.items() if state not in ENDED_RUN_STATES)

    def count(self, *states: str) -> int:
        """How many runs are in one of these states."""
        return sum(self.runs_by_state.get(state, 0) for state in states)


class JobPhase(str, Enum):
    """How far a Job is."""

    ACTIVE = "Active"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True)
class AgentJob:
    """One Job of the pool: one agent in one slot."""

    name: str
    slot: int
    attempt: int
    phase: JobPhase
    created_at: datetime
    finished_at: datetime | None = None
    deleting: bool = False
    digest: str | None = None  # of the template and settings that it was made from
    sweep: str | None = None  # entity/project/id that it works on
    avoids: tuple[str, ...] = ()  # nodes that its pod must not run on
    queue: str | None = None  # that admits it
    suspended: bool = False  # it may have no pods now: it waits for admission, or was evicted
    suspended_since: datetime | None = None
    started_at: datetime | None = None  # when it was allowed to have pods, the last time

    @property
    def failed(self) -> bool:
        """Whether it ended badly. One that ended because it was suspended was evicted in a moment that killed it."""
        return self.phase is JobPhase.FAILED and not self.suspended


@dataclass(frozen=True)
class AgentPod:
    """The pod of an agent Job: what status, Events and the account of GPU-hours rest on.

    `seconds` are the agent's own words at its end: its life, divided by what became of it.
    """

    name: str
    job_name: str
    phase: str
    ready: bool
    node: str | None = None
    waiting: str | None = None  # why it does not run yet: scheduling, image, volumes
    unschedulable: bool = False
    exit_code: int | None = None
    exit_message: str | None = None
    exit_reason: str | None = None  # the agent's word for its end, such as RunsFailed
    oom_killed: bool = False  # the kernel killed the container as a whole
    uid: str = ""
    started_at: datetime | None = None  # when the kubelet took it, and with it its GPUs
    ended_at: datetime | None = None
    gpus: int = 0
    seconds: Mapping[str, float] | None = None
    has_own_host: bool = True  # W&B knows its agent by the pod's name, and not by the node's or one that was chosen
    gpu: str | None = None  # the product, by the agent's last words
    leaving: bool = False  # it was asked to leave after its current run
    deleting: bool = False


@dataclass(frozen=True)
class SearchJob:
    """The Job of a sweep's search, with what is to be known of its pod: the live one, else the last that ended."""

    name: str
    attempt: int
    phase: JobPhase
    created_at: datetime
    finished_at: datetime | None = None
    deleting: bool = False
    digest: str | None = None  # of what it was told and made from
    sweep: str | None = None  # entity/project/id that it searches
    ready: bool = False
    pod_name: str | None = None  # of a live pod that is not being deleted
    told_agents: int | None = None  # by an annotation on that pod
    suspended: bool = False  # its own template names a queue, and that has not admitted it
    waiting: str | None = None  # why it does not run yet: scheduling, image, volumes
    unschedulable: bool = False
    exit_code: int | None = None  # of the search's own container
    exit_reason: str | None = None  # the search's word for its end, such as SearchInvalid
    exit_message: str | None = None


@dataclass(frozen=True)
class WarmUpJob:
    """A Job that fills the caches of Isaac Sim, with what is to be known of its last pod."""

    name: str
    attempt: int
    phase: JobPhase
    created_at: datetime
    finished_at: datetime | None = None
    deleting: bool = False
    digest: str | None = None  # of what it was made from
    waiting: str | None = None  # why it does not run yet
    unschedulable: bool = False
    exit_message: str | None = None
    gpu: str | None = None  # the product, by its last words


@dataclass(frozen=True)
class Snapshot:
    """Everything that one pass decides from.

    `definition` is absent when the sweep is joined by its ID or cannot be read; the problem then says why.
    `reading` is absent as long as there is no sweep or the server has not answered since the operator started.
    `searched` is the definition of the sweep that exists, where that needs a search of ours; absent when it cannot be
    read or is another one by now, and `searched_problem` says why.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    spec: WandbSweepSpec
    status: WandbSweepStatus
    now: datetime
    labels: Mapping[str, str] = field(default_factory=dict)  # the object's own
    deleted_at: datetime | None = None
    has_finalizer: bool = False
    intent: Intent | None = None  # the last record that a sweep is about to be created
    definition: SweepDefinition | None = None
    definition_problem: Problem | None = None
    wandb_problem: Problem | None = None
    reading: SweepReading | None = None
    sweep_missing: bool = False  # the server answered, and the sweep was not there
    busy: Mapping[str, datetime] | None = None  # since when the agent on a host (its pod) has its run; None: unknown
    jobs: tuple[AgentJob, ...] = ()
    pods: tuple[AgentPod, ...] = field(default=(), repr=False)
    search: tuple[SearchJob, ...] = ()  # Jobs of the search, where the sweep needs one
    warm_ups: tuple[WarmUpJob, ...] = ()  # Jobs that fill caches, where a profile wants that
    searched: SweepDefinition | None = None
    searched_problem: Problem | None = None
    scheduler_unsupported: Problem | None = None  # a searched sweep is to be created, and the W&B server cannot hold it

    @property
    def path(self) -> SweepPath | None:
        """The sweep of this object, once it has one."""
        return SweepPath.parse(self.status.sweep_path) if self.status.sweep_path else None

    @property
    def hands_off(self) -> bool:
        """Whether another controller looks after this object."""
        return self.spec.managed_by not in {None, labels.OPERATOR}

    @property
    def pods_refused(self) -> bool:
        """Whether no pod may be started from the object as it is now."""
        return self.definition_problem is not None and self.definition_problem.reason in _REFUSING

    @property
    def terminal(self) -> bool:
        """Whether a verdict was written; it is never taken back."""
        return self.status.completion_time is not None
