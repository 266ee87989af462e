"""How good a policy is: running means of the training's episodes, and an examination without noise."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import torch
from physics import CartPole

if TYPE_CHECKING:
    from ppo import ActorCritic
    from settings import EnvCfg

_EPISODES = 200
_EXAMINED = 512
_EXAMINATION_SEED = 1


class EpisodeScores:
    """Mean reward and length of the last episodes that ended."""

    def __init__(self, num_envs: int) -> None:
        self._reward = torch.zeros(num_envs)
        self._length = torch.zeros(num_envs)
        self._rewards: deque[float] = deque(maxlen=_EPISODES)
        self._lengths: deque[float] = deque(maxlen=_EPISODES)

    def add_step(self, reward: torch.Tensor, ended: torch.Tensor) -> None:
        self._reward += reward
        self._length += 1
        if bool(ended.any()):
            self._rewards.extend(self._reward[ended].tolist())
            self._lengths.extend(self._length[ended].tolist())
            self._reward[ended] = 0.0
            self._length[ended] = 0.0

    @property
    def mean_reward(self) -> float:
        return sum(self._rewards) / max(len(self._rewards), 1)

    @property
    def mean_length(self) -> float:
        return sum(self._lengths) / max(len(self._lengths), 1)


@torch.no_grad()
def examine(policy: ActorCritic, cfg: EnvCfg) -> float:
    """How well the policy balances, from 0 to 1: the share of the time that poles stand, and stand upright.

    The same starts for every run, and no reward weight has a say: runs with different weights can be compared.
    """
    env = CartPole(cfg, _EXAMINED, torch.Generator().manual_seed(_EXAMINATION_SEED))
    standing = torch.ones(_EXAMINED, dtype=torch.bool)
    total = 0.0
    observation = env.observation
    for _ in range(env.max_steps - 1):
        step = env.step(policy.mean(observation))
        observation = step.observation
        standing &= ~step.ended
        upright = observation[:, 2].cos() * (1.0 - observation[:, 0].abs() / cfg.track_half_length).clamp(min=0.0)
        total += float((upright * standing).mean())
    return total / (env.max_steps - 1)
