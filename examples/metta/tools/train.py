"""Trains with Hydra overrides under `trainer.*`, as Metta's training script does, and saves the policy.

    tools/train.py run=my_experiment.r.0 trainer.optimizer.learning_rate=0.0005

The task is to balance a pole on a cart (../../cartpole). What was parsed is kept in the run's config under `parsed`.
How good the policy is, sweep_eval.py says.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import torch
import wandb
from learning import learn, new_trainer, shorten
from policies import policy_file
from settings import OverrideError, TrainCfg, read_overrides

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class OptimizerCfg:
    """Adam."""

    learning_rate: float = 0.003


@dataclass
class TrainerCfg:
    """PPO. One iteration of 64 cart-poles is 2048 steps."""

    total_timesteps: int = 12_288
    gamma: float = 0.99
    optimizer: OptimizerCfg = field(default_factory=OptimizerCfg)


@dataclass
class TrainJobCfg:
    """All settings of a training."""

    run: str | None = None
    seed: int = 42
    trainer: TrainerCfg = field(default_factory=TrainerCfg)


def main(overrides: Sequence[str]) -> None:
    """Train once."""
    try:
        job = read_overrides(overrides, TrainJobCfg)
    except OverrideError as error:
        sys.exit(f"train.py: {error}")
    with wandb.init(name=job.run, config={"parsed": asdict(job)}) as run:
        trainer = new_trainer(shorten(balancing(job)))
        for progress in learn(trainer):
            run.log({"overview/reward": progress.reward}, step=progress.iteration)
        file = policy_file(run.id)
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(trainer.policy.state_dict(), file)


def balancing(job: TrainJobCfg) -> TrainCfg:
    """The settings of the cart-pole's training, under its own names."""
    cfg = TrainCfg()
    cfg.agent.seed = job.seed
    cfg.agent.max_iterations = max(job.trainer.total_timesteps // 2048, 1)
    cfg.agent.algorithm.learning_rate = job.trainer.optimizer.learning_rate
    cfg.agent.algorithm.gamma = job.trainer.gamma
    return cfg


if __name__ == "__main__":
    main(sys.argv[1:])
