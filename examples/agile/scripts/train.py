"""Stands where AGILE's training script stands, and reads its command line as that one does.

    scripts/train.py --task Isaac-Velocity-G1-Lower-Agile-v0 --num_envs 64 --logger wandb --headless \
        agent.policy.rnn_type=lstm 'env.scene.robot.actuators.legs.stiffness={.*_knee_joint:300.0}'

The robot is a cart with a pole on it (../../cartpole): the stiffer its legs, the harder it is pushed. It has no use for
a memory, so `rnn_type` is read and goes no further. What was parsed is kept in the run's config under `parsed`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import wandb
from arguments import read_command_line
from learning import learn, new_trainer, shorten
from settings import AgentCfg, EnvCfg, PolicyCfg, SceneCfg, TrainCfg

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_STIFFNESS = {
    ".*_hip_yaw_joint": 100.0,
    ".*_hip_roll_joint": 100.0,
    ".*_hip_pitch_joint": 100.0,
    ".*_knee_joint": 200.0,
    "waist.*": 200.0,
}
NEWTONS_PER_STIFFNESS = 10.0 / 140.0


@dataclass
class LegsCfg:
    """Gains of the joints whose names match."""

    stiffness: dict[str, float] = field(default_factory=lambda: dict(BASE_STIFFNESS))


@dataclass
class ActuatorsCfg:
    """Groups of actuators."""

    legs: LegsCfg = field(default_factory=LegsCfg)


@dataclass
class RobotCfg:
    """The robot."""

    actuators: ActuatorsCfg = field(default_factory=ActuatorsCfg)


@dataclass
class AgileSceneCfg(SceneCfg):
    """The scene, with a robot in it."""

    robot: RobotCfg = field(default_factory=RobotCfg)


@dataclass
class AgileEnvCfg(EnvCfg):
    """The task."""

    scene: AgileSceneCfg = field(default_factory=AgileSceneCfg)


@dataclass
class AgilePolicyCfg(PolicyCfg):
    """The policy's networks."""

    rnn_type: str = "gru"


@dataclass
class AgileAgentCfg(AgentCfg):
    """The training."""

    policy: AgilePolicyCfg = field(default_factory=AgilePolicyCfg)


@dataclass
class AgileCfg(TrainCfg):
    """All settings of a training."""

    env: AgileEnvCfg = field(default_factory=AgileEnvCfg)
    agent: AgileAgentCfg = field(default_factory=AgileAgentCfg)


def main(arguments: Sequence[str]) -> None:
    """Train once."""
    options, cfg = read_command_line(arguments, task="Isaac-Velocity-G1-Lower-Agile-v0", schema=AgileCfg)
    mode = None if options.logger == "wandb" else "disabled"
    with wandb.init(project=options.log_project_name, config={"parsed": asdict(cfg)}, mode=mode) as run:
        gains = cfg.env.scene.robot.actuators.legs.stiffness.values()
        cfg.env.action_scale = sum(gains) / len(gains) * NEWTONS_PER_STIFFNESS
        for progress in learn(new_trainer(shorten(cfg))):
            if progress.balance is not None:
                run.log({"Metrics/base_velocity/error_vel_xy": 1.0 - progress.balance})


if __name__ == "__main__":
    main(sys.argv[1:])
