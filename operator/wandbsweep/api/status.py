"""What the operator writes under `status`: how the sweep fares, in a size that does not grow with its runs.

Only the operator writes these fields; users, `kubectl` and dashboards read them. Absent means not known yet.
"""

from datetime import datetime, timezone
from enum import Enum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
    computed_field,
)

from wandbsweep.api.model import ApiModel
from wandbsweep.api.reasons import ConditionType, Phase, Reason


def _to_whole_seconds(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(microsecond=0)


def _spell(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


Timestamp = Annotated[
    AwareDatetime,
    AfterValidator(_to_whole_seconds),
    PlainSerializer(_spell, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment as Kubernetes writes it: UTC, whole seconds. Cut when it is read in, so that written and read are equal."""


_Word = WithJsonSchema({"type": "string", "minLength": 1})
"""No enum in the CRD: Helm does not upgrade CRDs, and a newer operator must be able to write a newer word."""


class ConditionStatus(str, Enum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """One observation about the sweep, in the shape all Kubernetes objects share."""

    type: Annotated[ConditionType, _Word] = Field(description="What the condition is about; one of each type.")
    status: ConditionStatus = Field(description="Whether it holds.")
    observed_generation: int | None = Field(
        default=None, description="metadata.generation of the object when the condition was last looked at."
    )
    last_transition_time: Timestamp = Field(description="When status last changed.")
    reason: Annotated[Reason, _Word] = Field(
        description="Why, in one CamelCase word from the list in the reference of reasons."
    )
    message: str = Field(default="", description="Why, as a sentence; for a mistake, the field and the remedy.")


def _of_known_words(conditions: list[Any]) -> list[Any]:
    """Leaves out what a newer operator may have written, so that going back one version works."""
    known = (set(ConditionType), set(Reason))
    return [
        condition
        for condition in conditions
        if not isinstance(condition, dict)
        or (condition.get("type") in known[0] and condition.get("reason") in known[1])
    ]


class Agents(ApiModel):
    """The pool of agents, counted."""

    desired: int = Field(
        default=0,
        description="How many agents should be there now: agentCount, fewer where fewer runs are left, 0 at the end.",
    )
    active: int = Field(default=0, description="How many agent Jobs have not ended. The scale subresource reports it.")
    queued: int | None = Field(
        default=None,
        description="How many of the active ones wait for admission to their queue. They hold nothing. Absent: none.",
    )
    ready: int = Field(default=0, description="How many agents have a pod that is running and ready.")

    @computed_field(description="ready/desired, for the AGENTS column.")  # type: ignore[prop-decorator] # mypy 1.x
    @property
    def summary(self) -> str:
        return f"{self.ready}/{self.desired}"


class Runs(ApiModel):
    """The runs of the sweep, counted by their state on W&B."""

    total: int = Field(default=0, description="All runs of the sweep, also those that wait to start.")
    running: int = Field(default=0, description="Runs that train now.")
    finished: int = Field(default=0, description="Runs that ended well.")
    failed: int = Field(default=0, description="Runs whose program ended with an error.")
    crashed: int = Field(default=0, description="Runs that fell silent without an end.")
    killed: int = Field(default=0, description="Runs that were stopped, by a user, the sweep or early termination.")
    preempted: int = Field(default=0, description="Runs that lost their machine and will be handed out again.")
    apart: int | None = Field(
        default=None,
        description="Failed and crashed runs that cap does not count, since a search of the operator's replaces them. "
        "Absent: none.",
    )
    cap: int | None = Field(
        default=None,
        description="How many runs the sweep may have: run_cap, or the size of the grid or the scan. Absent: no limit.",
    )

    @computed_field(description="Runs that ended, without those apart, of cap where there is one; for the RUNS column.")  # type: ignore[prop-decorator] # mypy 1.x
    @property
    def summary(self) -> str:
        ended = self.finished + self.failed + self.crashed + self.killed - (self.apart or 0)
        return str(ended) if self.cap is None else f"{ended}/{self.cap}"


class BestRun(ApiModel):
    """The best run so far, by the metric and goal of the sweep definition."""

    run_id: str = Field(description="ID of the run on W&B.")
    name: str | None = Field(default=None, description="Display name of the run on W&B.")
    url: str | None = Field(default=None, description="Address of the run's page.")
    metric: str = Field(description="Name of the metric by which it is the best.")
    value: float = Field(description="The run's value of that metric, unrounded.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="The parameters the sweep gave to the run, as recorded on W&B."
    )


class FrontRun(ApiModel):
    """A run on the front of scores over costs: no other has a better score for the same cost or less."""

    run_id: str = Field(description="ID of the run on W&B.")
    name: str | None = Field(default=None, description="Display name of the run on W&B.")
    url: str | None = Field(default=None, description="Address of the run's page.")
    score: float = Field(description="The run's value of the sweep's metric, unrounded.")
    cost: float = Field(description="What the run cost: seconds, or the metric that protein.cost_key names.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="The parameters the sweep gave to the run, as recorded on W&B."
    )


class GPUHours(ApiModel):
    """Hours for which the agents' pods held GPUs (pod time times GPUs), by what became of them."""

    total: float = Field(default=0.0, description="All hours so far, those of agents that have not ended included.")
    active: float = Field(
        default=0.0,
        description="Hours of agents that have not ended, as of the last full five minutes. When they end, the hours "
        "are divided among the fields below.",
    )
    finished: float = Field(default=0.0, description="Runs that finished, from their first metric on.")
    failed: float = Field(default=0.0, description="Runs that failed, from their first metric on.")
    preempted: float = Field(
        default=0.0, description="Runs that were preempted or stopped, and agents that were lost with their node."
    )
    idle: float = Field(default=0.0, description="Agents without a run: waiting, or between two runs.")
    startup: float = Field(
        default=0.0, description="Images pulled, simulators started: up to the first metric of each run."
    )


class PastSweep(ApiModel):
    """A sweep that this object had before its definition changed."""

    sweep_id: str = Field(description="Short ID of the sweep on W&B.")
    sweep_url: str | None = Field(default=None, description="Address of the sweep's page on W&B.")
    end_time: Timestamp = Field(description="When it was replaced.")
    runs: str | None = Field(default=None, description="Its runs at that time, as status.runs.summary shows them.")


class AvoidedNode(ApiModel):
    """A node on which every run of an agent failed while runs finished elsewhere."""

    name: str = Field(description="Name of the node.")
    since: Timestamp = Field(description="When it was last seen to fail. After an hour it is tried again.")
    message: str = Field(default="", description="What the agent said at its end.")


class WandbSweepStatus(ApiModel):
    """What is the case. Written by the operator only."""

    observed_generation: int | None = Field(
        default=None, description="metadata.generation the operator last acted upon; behind it, the rest is outdated."
    )
    phase: Annotated[Phase, _Word] | None = Field(
        default=None, description="The life of the sweep in one word. Programs read conditions."
    )
    conditions: Annotated[list[Condition], BeforeValidator(_of_known_words)] = Field(
        default_factory=list,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        description="Observations, one of each type. `kubectl wait --for=condition=Complete` waits for one.",
    )
    sweep_id: str | None = Field(
        default=None, description="Short ID of the sweep on W&B. Written before the first agent is started."
    )
    sweep_path: str | None = Field(
        default=None,
        description="Full name of the sweep, entity/project/id: what `wandb agent` takes to join it from elsewhere.",
    )
    sweep_url: str | None = Field(default=None, description="Address of the sweep's page on W&B.")
    sweep_state: str | None = Field(
        default=None, description="State of the sweep on W&B, in upper case: RUNNING, PAUSED, FINISHED, CANCELED."
    )
    method: str | None = Field(default=None, description="Search method of the sweep, such as bayes.")
    agents: Agents | None = Field(default=None, description="The pool of agents, counted.")
    selector: str | None = Field(
        default=None, description="Label selector of the agent pods, as text. The scale subresource reports it."
    )
    runs: Runs | None = Field(default=None, description="The runs of the sweep, counted by their state on W&B.")
    failures: dict[str, int] = Field(
        default_factory=dict,
        description="Trials that did not end well, counted by cause (see the reference of causes); causes that did not "
        "occur are left out. preempted counts runs that were preempted at least once, whatever became of them.",
    )
    gpu_hours: GPUHours | None = Field(default=None, description="Hours for which agents held GPUs.")
    history: list[PastSweep] = Field(
        default_factory=list, max_length=10, description="Earlier sweeps of this object, newest first; 10 at most."
    )
    avoided_nodes: list[AvoidedNode] = Field(
        default_factory=list, max_length=10, description="Nodes that new agents keep away from; 10 at most."
    )
    sweep_digest: str | None = Field(
        default=None,
        description="Generation and digest of the definition that the last sweep was created from, to notice a change; "
        "the last line of the sweep's description on W&B has it too.",
    )
    settled_pods: list[str] = Field(
        default_factory=list,
        description="UIDs of ended agent pods that still exist and whose hours are already in gpuHours.",
    )
    best: BestRun | None = Field(default=None, description="The best run so far. Absent: none has reported the metric.")
    front: list[FrontRun] = Field(
        default_factory=list,
        max_length=5,
        description="Runs on the front of scores over costs, the cheapest first, 5 at most; of a search by Protein.",
    )
    retried_failed: int | None = Field(
        default=None, description="spec.search.retryFailed as the search of a scan was last told it."
    )
    start_time: Timestamp | None = Field(default=None, description="When the sweep was created on W&B or joined.")
    admission_time: Timestamp | None = Field(
        default=None,
        description="When the queue of the sweep let its first agent in. Absent: it has not, or no queue is named.",
    )
    completion_time: Timestamp | None = Field(default=None, description="When Complete or Failed became true.")

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of this type, or None where it has not been written yet."""
        return next((condition for condition in self.conditions if condition.type == kind), None)
