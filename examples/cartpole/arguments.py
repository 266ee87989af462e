"""The command line of Isaac Lab's training scripts: arguments, and Hydra overrides among them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeVar

from settings import OverrideError, TrainCfg, read_overrides

if TYPE_CHECKING:
    from collections.abc import Sequence

Cfg = TypeVar("Cfg", bound=TrainCfg)


def read_command_line(arguments: Sequence[str], *, task: str, schema: type[Cfg]) -> tuple[argparse.Namespace, Cfg]:
    """The arguments that argparse knows, and the settings with the overrides applied. A wrong one exits with 2."""
    parser = _parser(task)
    options, overrides = parser.parse_known_args(arguments)
    try:
        return options, read_overrides(overrides, schema)
    except OverrideError as error:
        parser.error(str(error))


def prefer_arguments(cfg: TrainCfg, options: argparse.Namespace) -> None:
    """Arguments beat overrides, as in Isaac Lab."""
    if options.num_envs is not None:
        cfg.env.scene.num_envs = options.num_envs
    if options.max_iterations is not None:
        cfg.agent.max_iterations = options.max_iterations
    if options.seed is not None:
        cfg.agent.seed = options.seed


def _parser(task: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train a policy with PPO.", allow_abbrev=False)
    parser.add_argument("--task", choices=(task,), default=task, help="name of the task")
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
