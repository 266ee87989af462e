"""A cart that balances a pole, many of them at once: the task that train.py learns, as tensors.

The state of an environment is its cart's position and speed and its pole's angle (0 is upright) and angular
speed. An episode ends when the cart leaves its track, the pole lies flat, or the time is over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from settings import EnvCfg, RewardsCfg

GRAVITY = 9.81
CART_MASS = 1.0
POLE_MASS = 0.1
POLE_HALF_LENGTH = 0.5


class Step(NamedTuple):
    """What one step of all environments gives back. A time-out is an end, but not a failure."""

    observation: torch.Tensor
    reward: torch.Tensor
    ended: torch.Tensor
    timed_out: torch.Tensor


class CartPole:
    """`num_envs` cart-poles that are pushed by one action each, in -1 ... 1."""

    def __init__(self, cfg: EnvCfg, num_envs: int, generator: torch.Generator) -> None:
        self.cfg = cfg
        self.num_envs = num_envs
        self.max_steps = round(cfg.episode_length_s / cfg.sim.dt)
        self._generator = generator
        self._state = self._fresh(num_envs)
        self._age = torch.zeros(num_envs, dtype=torch.long)

    @property
    def observation(self) -> torch.Tensor:
        return self._state.clone()

    def spread_ages(self) -> None:
        """Let the episodes of the first round end at different times, as they do later."""
        self._age = torch.randint(0, self.max_steps, (self.num_envs,), generator=self._generator)

    def step(self, action: torch.Tensor) -> Step:
        """Push once. Environments that ended start anew, and their observation is that of the new start."""
        force = action.clamp(-1.0, 1.0) * self.cfg.action_scale
        self._state = integrate(self._state, force, self.cfg.sim.dt)
        self._age += 1
        position, _, angle, _ = self._state.unbind(1)
        failed = (position.abs() > self.cfg.track_half_length) | (angle.abs() > math.pi / 2)
        timed_out = (self._age >= self.max_steps) & ~failed
        reward = rewards(self._state, failed, self.cfg.rewards) * self.cfg.sim.dt
        ended = failed | timed_out
        if bool(ended.any()):
            self._state[ended] = self._fresh(int(ended.sum()))
            self._age[ended] = 0
        return Step(self.observation, reward, ended, timed_out)

    def _fresh(self, count: int) -> torch.Tensor:
        start = self.cfg.start
        span = torch.tensor([start.position, start.speed, start.angle, start.angular_speed])
        return (torch.rand(count, 4, generator=self._generator) * 2.0 - 1.0) * span


def integrate(state: torch.Tensor, force: torch.Tensor, dt: float) -> torch.Tensor:
    """Move by one semi-implicit Euler step: speeds first, then positions with the new speeds."""
    position, speed, angle, angular_speed = state.unbind(1)
    sin, cos = angle.sin(), angle.cos()
    mass = CART_MASS + POLE_MASS
    pole = POLE_MASS * POLE_HALF_LENGTH
    pushed = (force + pole * angular_speed**2 * sin) / mass
    angular_pull = (GRAVITY * sin - cos * pushed) / (POLE_HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * cos**2 / mass))
    pull = pushed - pole * angular_pull * cos / mass
    speed = speed + dt * pull
    angular_speed = angular_speed + dt * angular_pull
    return torch.stack((position + dt * speed, speed, angle + dt * angular_speed, angular_speed), dim=1)


def rewards(state: torch.Tensor, failed: torch.Tensor, cfg: RewardsCfg) -> torch.Tensor:
    """The weighted terms per second, under the names that Isaac Lab's own cart-pole uses."""
    _, speed, angle, angular_speed = state.unbind(1)
    fell = failed.float()
    return (
        cfg.alive.weight * (1.0 - fell)
        + cfg.terminating.weight * fell
        + cfg.pole_pos.weight * angle**2
        + cfg.cart_vel.weight * speed.abs()
        + cfg.pole_vel.weight * angular_speed.abs()
    )
