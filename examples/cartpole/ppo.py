"""Proximal policy optimisation in as few lines as it takes: a Gaussian policy, a critic, one clipped update."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from physics import CartPole
    from settings import AgentCfg, AlgorithmCfg, PolicyCfg

    OnStep = Callable[[torch.Tensor, torch.Tensor], None]

# Brings speeds and angles to about the size of one.
_OBSERVATION_SCALE = (0.5, 0.5, 2.0, 0.5)


class Rollout(NamedTuple):
    """One iteration of experience, steps first, environments second."""

    observation: torch.Tensor
    action: torch.Tensor
    log_probability: torch.Tensor
    advantage: torch.Tensor
    target: torch.Tensor


class ActorCritic(nn.Module):
    """Two small networks and one noise that does not depend on the state."""

    def __init__(self, cfg: PolicyCfg) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(_OBSERVATION_SCALE))
        self.actor = _network(cfg.layer_dim)
        self.critic = _network(cfg.layer_dim)
        self.log_std = nn.Parameter(torch.tensor(cfg.init_noise_std).log())

    def mean(self, observation: torch.Tensor) -> torch.Tensor:
        action: torch.Tensor = self.actor(observation * self.scale).squeeze(-1)
        return action

    def distribution(self, observation: torch.Tensor) -> torch.distributions.Normal:
        return torch.distributions.Normal(self.mean(observation), self.log_std.exp(), validate_args=False)

    def value(self, observation: torch.Tensor) -> torch.Tensor:
        value: torch.Tensor = self.critic(observation * self.scale).squeeze(-1)
        return value


def _network(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, width), nn.ELU(), nn.Linear(width, width), nn.ELU(), nn.Linear(width, 1))


class Ppo:
    """Collects experience and improves the policy with it, one iteration at a time."""

    def __init__(self, env: CartPole, cfg: AgentCfg) -> None:
        self.env = env
        self.cfg = cfg
        self.policy = ActorCritic(cfg.policy)
        self._optimizer = torch.optim.Adam(self.policy.parameters(), lr=cfg.algorithm.learning_rate)

    def iterate(self, on_step: OnStep) -> float:
        """Run one iteration; `on_step` sees the rewards and ends of each step. Returns the value loss."""
        return self._update(self._collect(on_step))

    def set_learning_rate(self, rate: float) -> None:
        """For the updates to come."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def _collect(self, on_step: OnStep) -> Rollout:
        shape = (self.cfg.num_steps_per_env, self.env.num_envs)
        observations = torch.empty(*shape, 4)
        actions, log_probabilities, values, rewards, ends = (torch.empty(shape) for _ in range(5))
        observation = self.env.observation
        gamma = self.cfg.algorithm.gamma
        for t in range(shape[0]):
            distribution = self.policy.distribution(observation)
            action = distribution.sample()
            value = self.policy.value(observation)
            step = self.env.step(action)
            on_step(step.reward, step.ended)
            observations[t], actions[t], values[t] = observation, action, value
            log_probabilities[t] = distribution.log_prob(action)
            # An episode cut off by the clock would have gone on: its last state keeps its worth.
            rewards[t] = step.reward + gamma * value * step.timed_out
            ends[t] = step.ended.float()
            observation = step.observation
        advantage = _advantages(rewards, values, ends, self.policy.value(observation), self.cfg.algorithm)
        return Rollout(observations, actions, log_probabilities, advantage, advantage + values)

    def _update(self, rollout: Rollout) -> float:
        cfg = self.cfg.algorithm
        flat = Rollout(*(part.flatten(0, 1) for part in rollout))
        advantage = (flat.advantage - flat.advantage.mean()) / (flat.advantage.std() + 1e-8)
        value_loss = torch.zeros(())
        for _ in range(cfg.num_learning_epochs):
            for batch in torch.randperm(len(advantage)).chunk(cfg.num_mini_batches):
                distribution = self.policy.distribution(flat.observation[batch])
                ratio = (distribution.log_prob(flat.action[batch]) - flat.log_probability[batch]).exp()
                clipped = ratio.clamp(1.0 - cfg.clip_param, 1.0 + cfg.clip_param)
                surrogate = -torch.min(ratio * advantage[batch], clipped * advantage[batch]).mean()
                value_loss = (self.policy.value(flat.observation[batch]) - flat.target[batch]).square().mean()
                entropy = distribution.entropy().mean()
                loss = surrogate + cfg.value_loss_coef * value_loss - cfg.entropy_coef * entropy
                self._optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.policy.parameters(), cfg.max_grad_norm)
                self._optimizer.step()
        return float(value_loss)


def _advantages(
    rewards: torch.Tensor, values: torch.Tensor, ends: torch.Tensor, last_value: torch.Tensor, cfg: AlgorithmCfg
) -> torch.Tensor:
    """Generalised advantage estimation, backwards through the steps."""
    advantages = torch.empty_like(rewards)
    advantage, next_value = torch.zeros_like(last_value), last_value
    for t in range(len(rewards) - 1, -1, -1):
        going_on = 1.0 - ends[t]
        delta = rewards[t] + cfg.gamma * next_value * going_on - values[t]
        advantage = delta + cfg.gamma * cfg.lam * going_on * advantage
        advantages[t], next_value = advantage, values[t]
    return advantages
