"""What a user writes under `spec`, with the rules the API server checks.

The description of each field is the text of the CRD, of `kubectl explain` and of the reference page. A rule about one
field stands beside it; rules about several, or about a change, stand on the object that holds them.
"""

from enum import Enum
from typing import Any

from pydantic import ConfigDict, Field

from wandbsweep.api.cel import Rule, at_least, cel, immutable
from wandbsweep.api.isaac import Isaac
from wandbsweep.api.life import Checkpoint, Evaluation, Limits, Search, TrialSettings
from wandbsweep.api.model import DEFAULTED, ApiModel


class DeletionPolicy(str, Enum):
    """What happens to the sweep on W&B when its object is deleted."""

    STOP = "Stop"
    CANCEL = "Cancel"
    RETAIN = "Retain"


class DrainPolicy(str, Enum):
    """How agents leave when the sweep is suspended or changed."""

    AT_ONCE = "AtOnce"
    AFTER_RUN = "AfterRun"


class ConfigMapKeyRef(ApiModel):
    """One key of a ConfigMap in the object's own namespace."""

    name: str = Field(min_length=1, max_length=253, description="Name of the ConfigMap, in the object's own namespace.")
    key: str = Field(min_length=1, max_length=253, description="Key in the ConfigMap, for example sweep.yaml.")


class SweepSource(ApiModel):
    """Where else than in the object itself the sweep definition stands."""

    config_map_key_ref: ConfigMapKeyRef = Field(
        description="The key of a ConfigMap that holds the sweep definition, as the YAML text one would give to "
        "`wandb sweep`. Read by the operator when it creates the sweep; later changes of the ConfigMap have no effect."
    )


class SecretKeyRef(ApiModel):
    """One key of a Secret in the object's own namespace."""

    name: str = Field(
        default="wandb-api-key",
        min_length=1,
        max_length=253,
        description="Name of the Secret, in the object's own namespace.",
    )
    key: str = Field(
        default="apiKey", min_length=1, max_length=253, description="Key in the Secret whose value is the API key."
    )


BASE_URL = "https?://[^/?#@]+(/[^?#]*)?"
"""Addresses of W&B servers: what follows ? or # would choose another path, and what precedes @ is a password."""


class WandbSettings(ApiModel):
    """How W&B is reached, by the operator and by the agents alike."""

    model_config = ConfigDict(
        json_schema_extra=cel(immutable("spec.wandb.baseURL", "the sweep and its runs are on that server"))
    )

    base_url: str | None = Field(
        default=None,
        max_length=2048,
        json_schema_extra=cel(
            Rule(
                rule=f"self.matches('^{BASE_URL}$')",
                message="spec.wandb.baseURL must be the address of a W&B server with its scheme, "
                "for example https://api.wandb.ai",
            )
        ),
        description="Address of the W&B server, with its scheme. Read by the operator, and by agents as "
        "WANDB_BASE_URL. Absent: the address the operator was started with. Immutable.",
    )
    api_key_secret_ref: SecretKeyRef = Field(
        default_factory=SecretKeyRef,
        json_schema_extra=DEFAULTED,
        description="The Secret that holds the W&B API key. The operator reads it to create and follow the sweep; "
        "agents get it as WANDB_API_KEY.",
    )


_ONE_DEFINITION = Rule(
    rule="[has(self.sweep), has(self.sweepFrom), has(self.sweepID)].filter(given, given).size() == 1",
    message="set exactly one of spec.sweep (the definition itself), spec.sweepFrom (a ConfigMap that holds it) "
    "and spec.sweepID (a sweep that exists on W&B)",
)
_JOIN_NEEDS_PROJECT = Rule(
    rule="!has(self.sweepID) || has(self.project)",
    message="spec.sweepID needs spec.project: set it to the W&B project the sweep is in",
)
_JOINED_AS_IT_IS = Rule(
    rule="!has(self.sweepID) || !has(self.evaluation)",
    message="spec.evaluation has no effect on a sweep that exists: its command is on W&B; remove it, or give the "
    "definition in spec.sweep",
)
_JOINED_IS_SEARCHED = Rule(
    rule="!has(self.sweepID) || !has(self.search.template) && self.search.retryFailed == 0",
    message="spec.search has no effect on a sweep that exists: whoever made it searches it; remove it, or give the "
    "definition in spec.sweep",
)
_IMMUTABLE = (
    immutable("spec.entity", "the sweep and its runs belong to it on W&B"),
    immutable("spec.project", "the sweep and its runs are in it on W&B"),
    immutable("spec.sweepID", "the object would leave one sweep and its agents for another"),
    immutable("spec.managedBy", "two controllers would have a hand in one sweep"),
)


class WandbSweepSpec(ApiModel):
    """What is wanted: one sweep on W&B, and a pool of agents that work on it. Written by the user."""

    model_config = ConfigDict(
        json_schema_extra=cel(_ONE_DEFINITION, _JOIN_NEEDS_PROJECT, _JOINED_AS_IT_IS, _JOINED_IS_SEARCHED, *_IMMUTABLE)
    )

    entity: str | None = Field(
        default=None,
        max_length=128,
        json_schema_extra=cel(
            Rule(
                rule=r"self.matches('^[^/\\s]+$')",
                message="spec.entity must be the name of one W&B user or team, without slashes or spaces",
            )
        ),
        description="W&B entity (user or team) the sweep belongs to. Absent: the entity of the sweep definition, else "
        "the default entity of the API key. Immutable.",
    )
    project: str | None = Field(
        default=None,
        max_length=128,
        json_schema_extra=cel(
            Rule(
                rule=r"self.matches('^[^/\\\\#?%:]+$')",
                message=r"spec.project must be the name of one W&B project, without any of / \ # ? % : "
                "(the entity goes into spec.entity)",
            )
        ),
        description="W&B project the sweep belongs to. Absent: the project of the sweep definition; one of the two has "
        "to name it. Immutable.",
    )
    sweep: dict[str, Any] | None = Field(
        default=None,
        description="The sweep definition, with the keys of a sweep.yaml as W&B knows them: method, metric, "
        "parameters, command, program, early_terminate, run_cap, scheduler and so on; also methods scan, protein and "
        "stages, and base_config. Checked by the operator; mistakes are listed in condition SweepValid. Exactly one of "
        "sweep, sweepFrom and sweepID is set. A change makes a new sweep on W&B and stops the old one, which stays in "
        "status.history; where only run_cap, name or description changed, the sweep itself is updated.",
    )
    sweep_from: SweepSource | None = Field(
        default=None, description="Where the sweep definition is read from, instead of sweep. Changed like sweep."
    )
    sweep_id: str | None = Field(
        default=None,
        max_length=128,
        json_schema_extra=cel(
            Rule(
                rule="self.matches('^[A-Za-z0-9_-]+$')",
                message="spec.sweepID must be the short ID alone, for example nkbj7529: the entity goes into "
                "spec.entity, the project into spec.project",
            )
        ),
        description="Short ID of a sweep that exists on W&B and that the agents join, instead of sweep. Its definition "
        "stays as it is. Immutable.",
    )
    agent_count: int = Field(
        default=1,
        json_schema_extra=cel(
            Rule(
                rule="self >= 0 && self <= 1000",
                message="spec.agentCount must be between 0 and 1000; 0 keeps the sweep and runs no agent",
            )
        ),
        description="How many agents work on the sweep at a time, each in a pod of its own. `kubectl scale` changes "
        "it. 0 removes all agents and leaves the sweep as it is.",
    )
    runs_per_agent: int | None = Field(
        default=None,
        json_schema_extra=at_least("spec.runsPerAgent", 1, "leave it out for no limit"),
        description="After so many runs an agent ends with its pod, and a fresh one takes its slot. Absent: an agent "
        "works until the sweep is over.",
    )
    max_runs: int | None = Field(
        default=None,
        json_schema_extra=at_least("spec.maxRuns", 1, "leave it out for no limit"),
        description="How many runs the whole sweep may have. Where it has a search of the operator's (scan, protein, "
        "stages, scheduler), failed and crashed runs are apart: the search replaces them, though not more of them than "
        "maxRuns. It becomes run_cap on W&B and wins over a run_cap in the "
        "definition. Absent: the definition's run_cap; where that is absent too and the method is random or bayes, "
        "agentCount times runsPerAgent if the latter is set when the sweep is created, else no limit. A change "
        "applies at once, on W&B too; what is over stays over.",
    )
    limits: Limits = Field(
        default_factory=Limits,
        json_schema_extra=DEFAULTED,
        description="When the sweep ends although runs are left. Changes apply at once.",
    )
    trial: TrialSettings = Field(
        default_factory=TrialSettings,
        json_schema_extra=DEFAULTED,
        description="How long a trial may take, and what becomes of one that failed to start. Agents that run take a "
        "change over after their current run.",
    )
    evaluation: Evaluation | None = Field(
        default=None,
        description="A second stage of every trial: what follows its training, in the same run. Part of the sweep's "
        "definition: a change makes a new sweep, as one of spec.sweep does.",
    )
    search: Search = Field(
        default_factory=Search,
        json_schema_extra=DEFAULTED,
        description="How a sweep is searched that W&B's server does not search itself.",
    )
    checkpoint: Checkpoint | None = Field(
        default=None, description="Where trials keep their checkpoints, so that a preempted one goes on where it was."
    )
    suspend: bool = Field(
        default=False,
        description="Pauses the sweep on W&B and takes the agents down, as drainPolicy says; false resumes the sweep "
        "and then the agents. No sampled value is lost, and none is run twice.",
    )
    drain_policy: DrainPolicy = Field(
        default=DrainPolicy.AT_ONCE,
        description="How agents leave when the sweep is suspended or its definition changes. AtOnce: their trials get "
        "SIGTERM, and those of a suspended sweep are handed out again on resume. AfterRun: each agent ends its current "
        "run first.",
    )
    ttl_seconds_after_finished: int | None = Field(
        default=None,
        json_schema_extra=at_least("spec.ttlSecondsAfterFinished", 0, "leave it out to keep the object"),
        description="How long after its end the object is deleted, with its ended Jobs. The sweep and its runs stay on "
        "W&B. Absent: never.",
    )
    managed_by: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="Who looks after this object. Absent or wandbsweep.dev/operator: this operator; anything else: "
        "another controller, and this one keeps its hands off. Immutable.",
    )
    deletion_policy: DeletionPolicy | None = Field(
        default=None,
        description="What happens to the sweep on W&B when this object is deleted. Stop: it hands out no new runs. "
        "Cancel: its runs are killed as well. Retain: it stays as it is. Runs and their results are always kept. "
        "Absent: Stop for a sweep that the object created, Retain for one that it joined by sweepID.",
    )
    wandb: WandbSettings = Field(
        default_factory=WandbSettings,
        json_schema_extra=DEFAULTED,
        description="How W&B is reached, by the operator and by the agents alike.",
    )
    isaac: Isaac | None = Field(
        default=None,
        description="For trainers in Isaac Sim: its licence, its environment, its caches. Agents that run take a "
        "change over after their current run. Absent: nothing is added to the template for it.",
    )
    template: dict[str, Any] = Field(
        json_schema_extra={
            "required": ["spec"],
            "properties": {
                "metadata": {
                    "type": "object",
                    "description": "Labels and annotations of the agent pods. The operator adds its own labels.",
                    "additionalProperties": True,
                },
                "spec": {
                    "type": "object",
                    "description": "The spec of the agent pods, with every field a pod has.",
                    "required": ["containers"],
                    "additionalProperties": True,
                    "properties": {
                        "containers": {
                            "type": "array",
                            "minItems": 1,
                            "description": "The containers of an agent pod. The first is the trainer.",
                            "items": {"type": "object", "additionalProperties": True},
                        }
                    },
                },
            },
        },
        description="The pod in which an agent runs, as the pod template of a Job. The first container is the trainer: "
        "its image has Python, the training code and the wandb package; its command is replaced by the agent. The "
        "operator checks the whole with a dry run at the API server and reports the outcome in condition SweepValid.",
    )
