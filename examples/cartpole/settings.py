"""What can be set on a training: the `env.*` and `agent.*` keys, laid out as Isaac Lab lays them out.

Hydra applies the overrides of the command line to these classes, so that an unknown key or a value of the
wrong type is refused before anything starts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Cfg = TypeVar("Cfg")


@dataclass
class RewardTermCfg:
    """One term of the reward; a weight of 0 leaves it out."""

    weight: float = 0.0


def _term(weight: float) -> Callable[[], RewardTermCfg]:
    return lambda: RewardTermCfg(weight)


@dataclass
class RewardsCfg:
    """Weights of the reward's terms, per second."""

    alive: RewardTermCfg = field(default_factory=_term(1.0))
    terminating: RewardTermCfg = field(default_factory=_term(-120.0))
    pole_pos: RewardTermCfg = field(default_factory=_term(-1.0))
    cart_vel: RewardTermCfg = field(default_factory=_term(-0.01))
    pole_vel: RewardTermCfg = field(default_factory=_term(-0.005))


@dataclass
class StartCfg:
    """How far from rest an episode may start, to either side: metres, radians, per second."""

    position: float = 1.0
    speed: float = 0.5
    angle: float = 0.5
    angular_speed: float = 0.5


@dataclass
class SimCfg:
    """Seconds of one step of the physics, and of one action."""

    dt: float = 1.0 / 50.0


@dataclass
class SceneCfg:
    """How many environments run side by side."""

    num_envs: int = 256


@dataclass
class EnvCfg:
    """The task: seconds, metres, newtons."""

    episode_length_s: float = 5.0
    action_scale: float = 10.0
    track_half_length: float = 2.4
    scene: SceneCfg = field(default_factory=SceneCfg)
    sim: SimCfg = field(default_factory=SimCfg)
    start: StartCfg = field(default_factory=StartCfg)
    rewards: RewardsCfg = field(default_factory=RewardsCfg)


@dataclass
class PolicyCfg:
    """Two hidden layers of this width, for the actor and for the critic."""

    layer_dim: int = 32
    init_noise_std: float = 1.0


@dataclass
class AlgorithmCfg:
    """PPO, under the names of rsl_rl."""

    learning_rate: float = 0.003
    gamma: float = 0.99
    lam: float = 0.95
    clip_param: float = 0.2
    entropy_coef: float = 0.005
    value_loss_coef: float = 1.0
    max_grad_norm: float = 1.0
    num_learning_epochs: int = 4
    num_mini_batches: int = 4


@dataclass
class AgentCfg:
    """The training: one iteration is num_steps_per_env steps of each environment and one update."""

    seed: int = 42
    max_iterations: int = 60
    num_steps_per_env: int = 32
    policy: PolicyCfg = field(default_factory=PolicyCfg)
    algorithm: AlgorithmCfg = field(default_factory=AlgorithmCfg)


@dataclass
class TrainCfg:
    """All settings of a training."""

    env: EnvCfg = field(default_factory=EnvCfg)
    agent: AgentCfg = field(default_factory=AgentCfg)


class OverrideError(Exception):
    """An override that names no setting, or whose value does not fit it."""


def read_overrides(overrides: Sequence[str], schema: type[Cfg]) -> Cfg:
    """Apply overrides such as `agent.algorithm.gamma=0.98` to the defaults of a settings class."""
    for override in overrides:
        if override.startswith("-"):
            raise OverrideError(f"unknown argument {override}: see --help")
    ConfigStore.instance().store(name="training", node=schema)
    try:
        with initialize(version_base="1.3", config_path=None):
            composed = compose(config_name="training", overrides=list(overrides))
        return cast("Cfg", OmegaConf.to_object(composed))
    except (HydraException, OmegaConfBaseException) as error:
        raise OverrideError(_one_line(error)) from error


def _one_line(error: Exception) -> str:
    """Hydra's message and its cause's, without the lines about Hydra's own switches."""
    parts = [str(part).splitlines()[0].strip(" .") for part in (error, error.__cause__) if part and str(part)]
    return "cannot use the overrides: " + ": ".join(dict.fromkeys(parts))
