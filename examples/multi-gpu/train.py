"""The cart-pole of ../cartpole on several processes, one for each GPU, as torchrun starts them.

    python -m torch.distributed.run --standalone --nproc_per_node=2 train.py agent.algorithm.gamma=0.98

Each process has its own environments; after every iteration all take on the mean of their policies. Only the first one
logs: a run on W&B is one process's to write. On a machine without GPUs the processes meet by gloo.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import torch
import wandb
from learning import learn, new_trainer, shorten
from settings import TrainCfg, read_overrides
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ppo import Ppo


def main(overrides: Sequence[str]) -> int:
    """One of the processes, from its start to its end."""
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        return _train(shorten(read_overrides(overrides, TrainCfg)))
    finally:
        distributed.destroy_process_group()


def _train(cfg: TrainCfg) -> int:
    rank, size = distributed.get_rank(), distributed.get_world_size()
    cfg.agent.seed += rank  # other environments in each process
    trainer = new_trainer(cfg)
    _agree(trainer, size)
    run = wandb.init(config={"parsed": {"gamma": cfg.agent.algorithm.gamma}, "processes": size}) if rank == 0 else None
    for progress in learn(trainer):
        _agree(trainer, size)
        if run is not None:
            run.log({"Train/mean_reward": progress.reward}, step=progress.iteration)
            print(f"iteration {progress.iteration}: reward {progress.reward:.3f}, {size} processes", flush=True)
    if run is not None:
        run.summary["Metrics/spread"] = _spread(trainer, size)
        run.finish()
    else:
        _spread(trainer, size)
    return 0


def _agree(trainer: Ppo, size: int) -> None:
    """All processes take on the mean of their policies."""
    with torch.no_grad():
        for parameter in trainer.policy.parameters():
            parameter.copy_(_sum(parameter) / size)


def _spread(trainer: Ppo, size: int) -> float:
    """How far policies are from each other: 0 if they agree. Every process has to ask."""
    own = torch.cat([parameter.detach().flatten() for parameter in trainer.policy.parameters()])
    return float((_sum(own) / size - own).abs().max())


def _sum(tensor: torch.Tensor) -> torch.Tensor:
    """Of this tensor over all processes. NCCL adds on GPUs only."""
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if torch.cuda.is_available() else tensor.device
    total = tensor.detach().clone().to(device)
    distributed.all_reduce(total)
    return total.to(tensor.device)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
