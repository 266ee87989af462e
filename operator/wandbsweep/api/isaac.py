"""What a user writes about Isaac Sim: licence, telemetry, what it renders, and where caches and logs are kept."""

from enum import Enum
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from wandbsweep.api.cel import Rule, at_least, cel
from wandbsweep.api.model import DEFAULTED, ApiModel

EULA = "https://docs.omniverse.nvidia.com/platform/latest/common/NVIDIA_Omniverse_License_Agreement.html"


class IsaacProfile(str, Enum):
    """What Isaac Sim does in the pool."""

    HEADLESS = "headless"
    CAMERA = "camera"


class WarmUp(ApiModel):
    """How caches get filled before the pool starts."""

    command: list[str] = Field(
        default_factory=list,
        max_length=256,
        description="What fills the caches: a short training of the sweep's own task is best. It runs in the trainer's "
        "container as it is, without values of the sweep, and has to end with exit code 0. Absent: Isaac Sim starts, "
        "renders some frames and closes.",
    )
    timeout_seconds: int = Field(
        default=1800,
        json_schema_extra=at_least("spec.isaac.cache.warmUp.timeoutSeconds", 0, "0 starts the pool without a warm-up"),
        description="So long the pool waits for the warm-up; then it starts with cold caches, as after a warm-up that "
        "failed. 0: there is no warm-up, and caches that others filled are used.",
    )


class IsaacCache(ApiModel):
    """A volume on which the caches of Isaac Sim outlive its pods, in a folder for each image, driver and GPU."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            Rule(
                rule="has(self.claimName) != has(self.hostPath)",
                message="set exactly one of spec.isaac.cache.claimName and spec.isaac.cache.hostPath",
            )
        )
    )

    claim_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="Name of the PersistentVolumeClaim, in the object's own namespace; ReadWriteMany where agents run "
        "on several nodes. Sweeps may share it.",
    )
    host_path: str | None = Field(
        default=None,
        max_length=4096,
        json_schema_extra=cel(
            Rule(
                rule="self.startsWith('/') && self != '/'",
                message="spec.isaac.cache.hostPath must be an absolute path below /, for example /var/cache/isaac",
            )
        ),
        description="Folder of the node, instead of a claim. It has to exist, and to be writable for the pod's user. "
        "Namespaces under the Pod Security Standards baseline and restricted do not allow it.",
    )
    warm_up: WarmUp = Field(
        default_factory=WarmUp,
        json_schema_extra=DEFAULTED,
        description="The Job that fills the caches once before the agents start, so that not every agent compiles the "
        "same shaders.",
    )


class IsaacLogs(ApiModel):
    """A volume on which the log folders of the agents outlive their pods."""

    claim_name: str = Field(
        min_length=1,
        max_length=253,
        description="Name of the PersistentVolumeClaim, in the object's own namespace; ReadWriteMany where agents run "
        "on several nodes.",
    )
    mount_path: str = Field(
        default="/workspace/isaaclab/logs",
        max_length=4096,
        json_schema_extra=cel(
            Rule(
                rule="self.startsWith('/') && self != '/'",
                message="spec.isaac.logs.mountPath must be an absolute path below /, for example "
                "/workspace/isaaclab/logs",
            )
        ),
        description="Folder into which the trainer writes. Each agent has its own on the claim: <object>/<pod>.",
    )


class Isaac(ApiModel):
    """What Isaac Sim needs of its pod. What the template itself sets stays, but for the licence."""

    accept_eula: bool = Field(
        json_schema_extra=cel(
            Rule(
                rule="self",
                message=f"spec.isaac.acceptEULA must be true: read NVIDIA's licence at {EULA} and accept it, or remove "
                "spec.isaac",
            )
        ),
        description=f"Accepts NVIDIA's licence for Isaac Sim and Omniverse, {EULA}; nothing starts without it. It "
        "becomes ACCEPT_EULA and OMNI_KIT_ACCEPT_EULA.",
    )
    privacy_consent: bool = Field(
        default=False,
        description="Lets Isaac Sim send usage data to NVIDIA, as PRIVACY_CONSENT. Absent: it sends none.",
    )
    profile: IsaacProfile = Field(
        default=IsaacProfile.HEADLESS,
        description="headless: no window and no cameras. camera: no window, and cameras render, which needs a GPU with "
        "ray-tracing cores; where the operator learns of one without, a warning Event says so. It becomes HEADLESS "
        "and ENABLE_CAMERAS, as Isaac Lab reads them.",
    )
    shared_memory: str = Field(
        default="8Gi",
        json_schema_extra=cel(
            Rule(
                rule="self.matches('^[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)?$')",
                message="spec.isaac.sharedMemory must be a whole quantity such as 8Gi",
            )
        ),
        description="Most that may lie in /dev/shm. What lies there counts as memory of the container. Without effect "
        "where the template mounts something there.",
    )
    cache: IsaacCache | None = Field(
        default=None,
        description="Where the caches of shaders, Kit, Omniverse, pip and CUDA are kept. Absent: each pod begins with "
        "those of its image, and compiles for minutes.",
    )
    logs: IsaacLogs | None = Field(
        default=None, description="Where the trainers' log folders are kept. Absent: they go with their pods."
    )

    @model_validator(mode="before")
    @classmethod
    def _not_accepted_by_default(cls, told: Any) -> Any:
        """Where an older CRD let an object in that says nothing of the licence, it is not accepted."""
        return {"acceptEULA": False, **told} if isinstance(told, dict) and "accept_eula" not in told else told
