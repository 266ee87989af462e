"""Trains a policy that balances a pole, with the command line of Isaac Lab's training scripts.

    python train.py --task=Cartpole-v0 --num_envs=256 --headless --logger=wandb agent.algorithm.gamma=0.98

Arguments that this script knows are read by argparse, the rest are Hydra overrides of `env.*` and `agent.*`
(see settings.py). Exit codes: 0 trained, 2 an argument or override that cannot be used, 130 interrupted,
143 ended by SIGTERM.
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import wandb
from arguments import prefer_arguments, read_command_line
from learning import Progress, learn, new_trainer
from settings import TrainCfg

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from ppo import Ppo

TASK = "Cartpole-v0"
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_TERMINATED = 128 + signal.SIGTERM


class Termination:
    """Remembers a SIGTERM, so that the iteration in progress is finished and the run is closed in order."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._remember)

    def _remember(self, _signum: int, _frame: object) -> None:
        self.asked = True


def main(arguments: Sequence[str]) -> int:
    """Train once; the exit code says how it ended."""
    termination = Termination()
    options, cfg = read_command_line(arguments, task=TASK, schema=TrainCfg)
    prefer_arguments(cfg, options)
    if options.video:
        print("--video: there is no camera in this task, no video is recorded", flush=True)
    try:
        return _run(options, cfg, termination)
    except KeyboardInterrupt:
        # Also how W&B ends a run that somebody stopped on its page.
        print("train.py: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(options: argparse.Namespace, cfg: TrainCfg, termination: Termination) -> int:
    with _wandb_run(options, cfg) as run:
        trainer = new_trainer(cfg)
        code = 0 if _train(trainer, run, termination) else EXIT_TERMINATED
        if run is not None:
            torch.save(trainer.policy.state_dict(), Path(run.dir) / "policy.pt")
            run.finish(exit_code=code)
    return code


def _wandb_run(options: argparse.Namespace, cfg: TrainCfg) -> AbstractContextManager[wandb.Run | None]:
    """A W&B run where one is wanted. Inside a sweep, W&B's agent has said which run it is."""
    if options.logger is None:
        return nullcontext()
    settings = {"task": options.task, "env_cfg": asdict(cfg.env), "agent_cfg": asdict(cfg.agent)}
    return wandb.init(project=options.log_project_name, name=options.run_name, config=settings)


def _train(trainer: Ppo, run: wandb.Run | None, termination: Termination) -> bool:
    """Iterate to the end, or to the iteration in which SIGTERM came. Returns whether it reached the end."""
    began = time.monotonic()
    for progress in learn(trainer):
        if run is not None:
            run.log(_numbers(progress), step=progress.iteration)
        if progress.balance is not None:
            _tell(progress, trainer.cfg.max_iterations, time.monotonic() - began)
        if termination.asked:
            print(f"ended by SIGTERM after iteration {progress.iteration}", flush=True)
            return False
    return True


def _numbers(progress: Progress) -> dict[str, float]:
    """What is logged, under the names of rsl_rl."""
    numbers = {
        "Train/mean_reward": progress.reward,
        "Train/mean_episode_length": progress.episode_length,
        "Loss/value_function": progress.value_loss,
        "Policy/mean_noise_std": progress.noise_std,
    }
    return numbers if progress.balance is None else {**numbers, "Metrics/balance": progress.balance}


def _tell(progress: Progress, of: int, seconds: float) -> None:
    print(
        f"iteration {progress.iteration}/{of}"
        f"  reward {progress.reward:7.3f}"
        f"  episode length {progress.episode_length:6.1f}"
        f"  balance {progress.balance:.4f}"
        f"  {seconds:5.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
