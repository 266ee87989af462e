"""Trains a policy that balances a pole, with the command line of Isaac Lab's training scripts.

    python train.py --task=Cartpole-v0 --num_envs=256 --headless --logger=wandb agent.algorithm.gamma=0.98

Arguments that this script knows are read by argparse, the rest are Hydra overrides of `env.*` and `agent.*`
(see settings.py). Exit codes: 0 trained, 2 an argument or override that cannot be used, 130 interrupted,
143 ended by SIGTERM.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import wandb
from physics import CartPole
from ppo import Ppo
from scores import EpisodeScores, examine
from settings import OverrideError, TrainCfg, read_overrides

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

TASKS = ("Cartpole-v0",)
EXAMINE_EVERY = 10
EXIT_USAGE = 2
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
    options, overrides = _parser().parse_known_args(arguments)
    try:
        cfg = read_overrides(overrides)
    except OverrideError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return EXIT_USAGE
    _prefer_arguments(cfg, options)
    if options.video:
        print("--video: there is no camera in this task, no video is recorded", flush=True)
    try:
        return _run(options, cfg, termination)
    except KeyboardInterrupt:
        # Also how W&B ends a run that somebody stopped on its page.
        print("train.py: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(options: argparse.Namespace, cfg: TrainCfg, termination: Termination) -> int:
    # Tensors this small are slower on more than one thread.
    torch.set_num_threads(1)
    torch.manual_seed(cfg.agent.seed)
    with _wandb_run(options, cfg) as run:
        trainer = Ppo(_environment(cfg), cfg.agent)
        code = 0 if _train(trainer, cfg, run, termination) else EXIT_TERMINATED
        if run is not None:
            torch.save(trainer.policy.state_dict(), Path(run.dir) / "policy.pt")
            run.finish(exit_code=code)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train a cart-pole policy with PPO.", allow_abbrev=False)
    parser.add_argument("--task", choices=TASKS, default=TASKS[0], help="name of the task")
    parser.add_argument("--num_envs", type=int, help="environments side by side; beats env.scene.num_envs")
    parser.add_argument("--max_iterations", type=int, help="updates of the policy; beats agent.max_iterations")
    parser.add_argument("--seed", type=int, help="same seed, same policy; beats agent.seed")
    parser.add_argument("--logger", choices=("wandb",), help="where numbers go, beside the terminal")
    parser.add_argument("--log_project_name", help="W&B project, outside a sweep")
    parser.add_argument("--run_name", help="name of the W&B run")
    for flag, meaning in (("--headless", "no window"), ("--video", "videos of the policy")):
        parser.add_argument(flag, action="store_true", help=f"{meaning}: taken as Isaac Lab takes it, nothing is shown")
    for flag in ("--video_length", "--video_interval"):
        parser.add_argument(flag, type=int, help="goes with --video")
    return parser


def _prefer_arguments(cfg: TrainCfg, options: argparse.Namespace) -> None:
    """Arguments beat overrides, as in Isaac Lab."""
    if options.num_envs is not None:
        cfg.env.scene.num_envs = options.num_envs
    if options.max_iterations is not None:
        cfg.agent.max_iterations = options.max_iterations
    if options.seed is not None:
        cfg.agent.seed = options.seed


def _environment(cfg: TrainCfg) -> CartPole:
    generator = torch.Generator().manual_seed(cfg.agent.seed)
    env = CartPole(cfg.env, cfg.env.scene.num_envs, generator)
    env.spread_ages()
    return env


def _wandb_run(options: argparse.Namespace, cfg: TrainCfg) -> AbstractContextManager[wandb.Run | None]:
    """A W&B run where one is wanted. Inside a sweep, W&B's agent has said which run it is."""
    if options.logger is None:
        return nullcontext()
    settings = {"task": options.task, "env_cfg": asdict(cfg.env), "agent_cfg": asdict(cfg.agent)}
    return wandb.init(project=options.log_project_name, name=options.run_name, config=settings)


def _train(trainer: Ppo, cfg: TrainCfg, run: wandb.Run | None, termination: Termination) -> bool:
    """Iterate to the end, or to the iteration in which SIGTERM came. Returns whether it reached the end."""
    scores = EpisodeScores(trainer.env.num_envs)
    began = time.monotonic()
    for iteration in range(1, cfg.agent.max_iterations + 1):
        value_loss = trainer.iterate(scores.add_step)
        numbers = {
            "Train/mean_reward": scores.mean_reward,
            "Train/mean_episode_length": scores.mean_length,
            "Loss/value_function": value_loss,
            "Policy/mean_noise_std": float(trainer.policy.log_std.exp()),
        }
        examined = iteration % EXAMINE_EVERY == 0 or iteration == cfg.agent.max_iterations
        if examined:
            numbers["Metrics/balance"] = examine(trainer.policy, cfg.env)
        if run is not None:
            run.log(numbers, step=iteration)
        if examined:
            _tell(iteration, cfg.agent.max_iterations, numbers, time.monotonic() - began)
        if termination.asked:
            print(f"ended by SIGTERM after iteration {iteration}", flush=True)
            return False
    return True


def _tell(iteration: int, of: int, numbers: dict[str, float], seconds: float) -> None:
    print(
        f"iteration {iteration}/{of}"
        f"  reward {numbers['Train/mean_reward']:7.3f}"
        f"  episode length {numbers['Train/mean_episode_length']:6.1f}"
        f"  balance {numbers['Metrics/balance']:.4f}"
        f"  {seconds:5.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
