"""What a user writes about the life of a sweep: when it ends, how long a trial may take, where checkpoints are."""

from typing import Any

from pydantic import Field

from wandbsweep.api.cel import Rule, at_least, cel
from wandbsweep.api.model import ApiModel

HOUR_SECONDS = 3600


class Limits(ApiModel):
    """Ends of a sweep beside its runs being done. The first that is reached decides."""

    max_failed_runs: int | None = Field(
        default=None,
        json_schema_extra=at_least("spec.limits.maxFailedRuns", 1, "leave it out for no limit"),
        description="So many failed runs fail the sweep. Counted is what the user's code and values did; preempted "
        "runs, lost nodes, simulators that did not start and stopped runs are not. Absent: no limit.",
    )
    max_gpu_hours: float | None = Field(
        default=None,
        json_schema_extra=cel(
            Rule(rule="self > 0.0", message="spec.limits.maxGPUHours must be above 0; leave it out for no limit")
        ),
        description="So many hours of GPUs held by agents end the sweep, whatever became of them; see "
        "status.gpuHours. Absent: no limit.",
    )
    active_deadline_seconds: int | None = Field(
        default=None,
        json_schema_extra=at_least("spec.limits.activeDeadlineSeconds", 1, "leave it out for no deadline"),
        description="So many seconds after its start the sweep fails with DeadlineExceeded, as a Job would. The clock "
        "starts anew when a suspended sweep is resumed, or a finished scan taken up again. Absent: no deadline.",
    )
    target: float | None = Field(
        default=None,
        description="A value of the sweep's metric that is good enough: a run that reaches it, in the direction of "
        "metric.goal, completes the sweep. Absent: the search goes on.",
    )


class Evaluation(ApiModel):
    """A second command of every trial, after its training."""

    command: list[str] = Field(
        min_length=1,
        max_length=1024,
        description="Runs after a training that ended well, in the same container and in the same run on W&B, with the "
        "macros of the sweep's own command. It logs the sweep's metric. If it fails, the trial has failed, with cause "
        "evaluation-failed.",
    )
    timeout_seconds: int | None = Field(
        default=None,
        json_schema_extra=at_least("spec.evaluation.timeoutSeconds", 1, "leave it out for no limit"),
        description="An evaluation that takes longer is ended, and has failed. Absent: no limit.",
    )


class Search(ApiModel):
    """The search of a sweep that W&B's server does not search: methods scan, protein and stages, and `scheduler`."""

    retry_failed: int = Field(
        default=0,
        json_schema_extra=cel(
            Rule(
                rule="self >= 0 && self <= 10",
                message="spec.search.retryFailed must be between 0 and 10; 0 runs no trial twice",
            )
        ),
        description="How often a failed trial of a scan is run again, after all others. Raised after the end of a scan "
        "with failed trials, it takes the scan up again.",
    )
    template: dict[str, Any] | None = Field(
        default=None,
        json_schema_extra={
            "properties": {
                "metadata": {
                    "type": "object",
                    "description": "Labels and annotations of the search's pod. The operator adds its own labels.",
                    "additionalProperties": True,
                },
                "spec": {
                    "type": "object",
                    "description": "The spec of the search's pod, with every field a pod has.",
                    "additionalProperties": True,
                    "properties": {
                        "containers": {
                            "type": "array",
                            "description": "The containers of the search's pod. The first is the search: what it does "
                            "not say is as in the operator's own. Its image has the wandbsweep package.",
                            "items": {"type": "object", "additionalProperties": True},
                        }
                    },
                },
            },
        },
        description="The pod in which the search runs, as far as it is to be another than the operator's own: image, "
        "resources, nodes. The first container is the search. Checked by a dry run, as spec.template is.",
    )


class TrialSettings(ApiModel):
    """Watchdogs over one trial, and the second chance of one that did not start."""

    startup_timeout_seconds: int | None = Field(
        default=None,
        json_schema_extra=at_least("spec.trial.startupTimeoutSeconds", 1, "leave it out to wait for ever"),
        description="A trial without a metric on W&B after so many seconds is ended with cause startup-timeout. "
        "Isaac Sim takes minutes to start, with cold shader caches many. Absent: no limit.",
    )
    stall_timeout_seconds: int = Field(
        default=HOUR_SECONDS,
        json_schema_extra=at_least("spec.trial.stallTimeoutSeconds", 0, "0 switches it off"),
        description="A trial that has neither printed anything nor logged a metric for so many seconds is ended with "
        "cause stalled. 0: never.",
    )
    timeout_seconds: int | None = Field(
        default=None,
        json_schema_extra=at_least("spec.trial.timeoutSeconds", 1, "leave it out for no limit"),
        description="A trial that takes longer, its evaluation included, is ended with cause run-timeout. Absent: no "
        "limit.",
    )
    startup_retries: int = Field(
        default=1,
        json_schema_extra=cel(
            Rule(
                rule="self >= 0 && self <= 10",
                message="spec.trial.startupRetries must be between 0 and 10; 0 takes the first failure for final",
            )
        ),
        description="How often a trial that died before its first metric, for a cause that may pass, is started again "
        "with the same run ID and values.",
    )


class Checkpoint(ApiModel):
    """A volume for checkpoints, and the arguments by which a trainer goes on from one."""

    claim_name: str = Field(
        min_length=1,
        max_length=253,
        description="Name of the PersistentVolumeClaim, in the object's own namespace. All agents write to it, each "
        "run into a folder of its own: it has to be ReadWriteMany where agents run on several nodes.",
    )
    mount_path: str = Field(
        default="/checkpoints",
        json_schema_extra=cel(
            Rule(
                rule="self.startsWith('/') && self != '/'",
                message="spec.checkpoint.mountPath must be an absolute path below /, for example /checkpoints",
            )
        ),
        description="Where the claim is mounted in the trainer's container. The folder of a run is below it, in "
        "WANDBSWEEP_CHECKPOINT_DIR and as ${checkpoint_dir} in the command.",
    )
    resume_args: list[str] = Field(
        default_factory=list,
        max_length=32,
        description="Arguments added to the trainer's when a run goes on after it was preempted, such as "
        "--checkpoint=${checkpoint_dir}/last.pt.",
    )
