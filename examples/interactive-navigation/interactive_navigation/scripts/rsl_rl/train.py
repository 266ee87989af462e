"""Stands where the training script of interactive navigation stands, and reads its command line as that one does.

    train.py --task=Isaac-MyTask-v0 --num_envs=4096 --logger=wandb --headless agent.policy.layer_dim=64

The robot is a cart with a pole on it (../../../../cartpole), the goal is to stay upright. What was parsed is kept in
the run's config under `parsed`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import wandb
from arguments import read_command_line
from learning import learn, new_trainer, shorten
from settings import EnvCfg, RewardsCfg, RewardTermCfg, TrainCfg

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class NavigationRewardsCfg(RewardsCfg):
    """A hundred for the goal is as much as one for being upright."""

    goal_reached: RewardTermCfg = field(default_factory=lambda: RewardTermCfg(100.0))


@dataclass
class NavigationEnvCfg(EnvCfg):
    """The task, with the reward that its sweep is about."""

    rewards: NavigationRewardsCfg = field(default_factory=NavigationRewardsCfg)


@dataclass
class NavigationCfg(TrainCfg):
    """All settings of a training."""

    env: NavigationEnvCfg = field(default_factory=NavigationEnvCfg)


def main(arguments: Sequence[str]) -> None:
    """Train once."""
    options, cfg = read_command_line(arguments, task="Isaac-MyTask-v0", schema=NavigationCfg)
    mode = None if options.logger == "wandb" else "disabled"
    with wandb.init(project=options.log_project_name, config={"parsed": asdict(cfg)}, mode=mode) as run:
        cfg.env.rewards.alive.weight = cfg.env.rewards.goal_reached.weight / 100.0
        for progress in learn(new_trainer(shorten(cfg))):
            if progress.balance is not None:
                run.log({"Metric/success_rate": progress.balance, "Train/mean_reward": progress.reward})


if __name__ == "__main__":
    main(sys.argv[1:])
