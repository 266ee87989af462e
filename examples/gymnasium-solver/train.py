"""Takes the settings of a named configuration, merges what W&B's sweep says over them, and trains.

    train.py --config_id CartPole-v1:ppo --wandb_sweep

The arguments hold no value of the sweep: the trainer asks `wandb.config`, as gymnasium-solver's does. A learning rate
is a number or a schedule `{start, end}`. What came out is kept in the run's config under `parsed`.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import wandb
from learning import learn, new_trainer, shorten
from settings import TrainCfg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Config:
    """All settings of a training."""

    project_id: str = "CartPole-v1"
    seed: int = 42
    policy_lr: float | dict[str, float] = 0.003
    clip_range: float = 0.2
    n_epochs: int = 4
    gamma: float = 0.99
    max_iterations: int = 60


CONFIGS = {"CartPole-v1:ppo": Config()}


def main(arguments: Sequence[str]) -> None:
    """Train once."""
    parser = argparse.ArgumentParser(description="Train a policy with a named configuration.")
    parser.add_argument("--config_id", choices=CONFIGS, required=True, help="environment and variant")
    parser.add_argument("--wandb_sweep", action="store_true", help="merge wandb.config over the configuration")
    options = parser.parse_args(arguments)
    config = CONFIGS[options.config_id]
    with wandb.init(project=config.project_id, config=asdict(config)) as run:
        if options.wandb_sweep or "WANDB_SWEEP_ID" in os.environ:
            config = merged(config, run.config.as_dict())
        run.config.update({"parsed": asdict(config)})
        cfg = shorten(balancing(config))
        trainer = new_trainer(cfg)
        for progress in learn(trainer):
            done = progress.iteration / cfg.agent.max_iterations
            trainer.set_learning_rate(scheduled(config.policy_lr, done))
            run.log({"train/roll/ep_rew/mean": progress.reward}, step=progress.iteration)


def merged(config: Config, sweep: Mapping[str, Any]) -> Config:
    """The sweep wins. A name that is no setting is refused, as is any other wrong keyword."""
    return Config(**{**asdict(config), **{name: value for name, value in sweep.items() if not name.startswith("_")}})


def scheduled(rate: float | Mapping[str, float], done: float) -> float:
    """The learning rate once this share of the training is done."""
    if isinstance(rate, (int, float)):
        return rate
    return rate["start"] + (rate["end"] - rate["start"]) * done


def balancing(config: Config) -> TrainCfg:
    """The settings of the cart-pole's training, under its own names."""
    cfg = TrainCfg()
    cfg.agent.seed = config.seed
    cfg.agent.max_iterations = config.max_iterations
    cfg.agent.algorithm.learning_rate = scheduled(config.policy_lr, 0.0)
    cfg.agent.algorithm.clip_param = config.clip_range
    cfg.agent.algorithm.num_learning_epochs = config.n_epochs
    cfg.agent.algorithm.gamma = config.gamma
    return cfg


if __name__ == "__main__":
    main(sys.argv[1:])
