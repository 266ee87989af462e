"""A training from its first iteration to its last, as a stream of what each of them showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from physics import CartPole
from ppo import Ppo
from scores import EpisodeScores, examine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings import TrainCfg

EXAMINE_EVERY = 10


@dataclass(frozen=True)
class Progress:
    """What one iteration showed; there is a balance only where the policy was examined."""

    iteration: int
    reward: float
    episode_length: float
    value_loss: float
    noise_std: float
    balance: float | None


def new_trainer(cfg: TrainCfg) -> Ppo:
    """A policy that has learnt nothing yet, and its environments. Same seed, same policy."""
    # Tensors this small are slower on more than one thread.
    torch.set_num_threads(1)
    torch.manual_seed(cfg.agent.seed)
    env = CartPole(cfg.env, cfg.env.scene.num_envs, torch.Generator().manual_seed(cfg.agent.seed))
    env.spread_ages()
    return Ppo(env, cfg.agent)


def learn(trainer: Ppo) -> Iterator[Progress]:
    """Iterate to the end. Whoever reads may stop before."""
    scores = EpisodeScores(trainer.env.num_envs)
    last = trainer.cfg.max_iterations
    for iteration in range(1, last + 1):
        value_loss = trainer.iterate(scores.add_step)
        examined = iteration % EXAMINE_EVERY == 0 or iteration == last
        yield Progress(
            iteration=iteration,
            reward=scores.mean_reward,
            episode_length=scores.mean_length,
            value_loss=value_loss,
            noise_std=float(trainer.policy.log_std.exp()),
            balance=examine(trainer.policy, trainer.env.cfg) if examined else None,
        )


def shorten(cfg: TrainCfg) -> TrainCfg:
    """The same training cut to a few seconds, for examples that show how values arrive and not what can be learnt."""
    cfg.env.scene.num_envs = min(cfg.env.scene.num_envs, 64)
    cfg.agent.max_iterations = min(cfg.agent.max_iterations, 6)
    return cfg
