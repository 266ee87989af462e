"""What the engines are measured on: trainings in miniature, each a formula with the traits of a real one.

Each says what a run of these values scores and costs, or that it fails. Noise is added by the race.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Values = Mapping[str, Any]


class Outcome(NamedTuple):
    """What a run comes to. One that fails costs what it took until then, and has no score."""

    score: float
    cost: float
    failed: bool = False


@dataclass(frozen=True, eq=False)
class Task:
    """A training to tune: its parameters as a sweep file has them, and what becomes of their values."""

    name: str
    goal: Literal["maximize", "minimize"]
    parameters: Mapping[str, Mapping[str, Any]]
    run: Callable[[Values], Outcome]
    score_noise: float
    """Standard deviation of what is recorded around the score."""
    cost_noise: float = 0.05
    """The same for the logarithm of the cost."""


def _bump(distance: float, width: float) -> float:
    return math.exp(-0.5 * (distance / width) ** 2)


def _policy(values: Values) -> Outcome:
    """On-policy learning: the best rate depends on the batch, and a high one with a small batch diverges."""
    rate, batch = math.log10(values["lr"]), math.log2(values["batch_size"])
    horizon = -math.log10(1 - values["gamma"])
    best_rate = -3.6 + 0.15 * (batch - 10)
    quality = _bump(rate - best_rate, 0.6) * _bump(horizon - 2.3, 0.8) * _bump(values["layers"] - 3, 2.5)
    quality *= {"relu": 0.85, "tanh": 1.0, "elu": 0.95}[values["activation"]]
    steps = values["total_timesteps"]
    learnt = steps / (steps + 8e6 * (1 + 0.4 * abs(batch - 12)))
    cost = steps * (1 + 0.35 * values["layers"]) * (1 + 600 / values["batch_size"]) / 3e4
    if rate > best_rate + 1.0:
        return Outcome(0, 0.3 * cost, failed=True)
    return Outcome(1000 * quality * learnt, cost)


def _loss(values: Values) -> Outcome:
    """A supervised loss that falls with width, depth and steps as power laws, all of which cost."""
    rate = math.log10(values["lr"])
    width, depth, steps = values["width"], values["depth"], values["steps"]
    size = width * math.sqrt(depth)
    best_rate = -2.3 - 0.4 * math.log10(width / 64)
    loss = 1.6 + 9 * size**-0.5 + 40 * steps**-0.5 + 0.5 * (rate - best_rate) ** 2
    loss += 2.5 * (values["dropout"] - 0.12) ** 2 + 0.02 * max(depth - 8, 0) ** 2
    return Outcome(loss, steps * (60 + size) / 2e4)


def _cliff(values: Values) -> Outcome:
    """The score rises up to the edge beyond which every run fails, and fails late."""
    rate, clip = math.log10(values["lr"]), values["clip"]
    edge = -2.2 - 1.2 * (clip - 0.3)
    cost = 120 * math.exp(0.9 * values["epochs"] / 10)
    if rate > edge:
        return Outcome(0, 0.7 * cost, failed=True)
    epochs = 1 - math.exp(-values["epochs"] / 4)
    return Outcome(100 * _bump(edge - rate - 0.15, 0.7) * _bump(clip - 0.25, 0.2) * epochs, cost)


_VALLEY_CENTERS: Final = ((0.25, 0.7, 0.4, 0.65, 0.3), (0.7, 0.3, 0.75, 0.2, 0.6), (0.5, 0.85, 0.15, 0.4, 0.9))
_VALLEY_DEPTHS: Final = (1.0, 0.75, 0.6)


def _valleys(values: Values) -> Outcome:
    """Three bent valleys in five dimensions; how fast a simulation runs hangs on one that hardly changes the score."""
    point = [values[name] for name in "abcde"]
    bent = [point[0], point[1] - 0.5 * (point[0] - 0.5) ** 2, point[2] + 0.3 * (point[0] - 0.5), *point[3:]]
    stretch = (1.0, 1.3, 1.0, 0.8, 0.35)
    depth = 0.0
    for center, deep in zip(_VALLEY_CENTERS, _VALLEY_DEPTHS, strict=True):
        squares = sum((s * (x - c)) ** 2 for s, x, c in zip(stretch, bent, center, strict=True))
        depth = max(depth, deep * math.exp(-3.5 * squares))
    return Outcome(-10 * depth, 600 * math.exp(1.6 * (values["e"] - 0.5) + 0.8 * (values["b"] - 0.5)))


_FAMILIES: Final = {
    "sgd": (-1.3, 0.95, 0.80, 0.7),
    "adam": (-3.0, 0.9, 0.93, 1.0),
    "muon": (-2.0, 0.92, 1.00, 1.7),
    "lbfgs": (-0.5, 0.5, 0.60, 4.0),
}


def _choices(values: Values) -> Outcome:
    """The choice of an optimizer moves the best place of all else, and what a step costs."""
    best_rate, best_momentum, ceiling, dear = _FAMILIES[values["optimizer"]]
    quality = ceiling * _bump(math.log10(values["lr"]) - best_rate, 0.55)
    quality *= _bump(values["momentum"] - best_momentum, 0.35) * {True: 1.0, False: 0.9}[values["normalize"]]
    quality *= 1 - 0.08 * abs(math.log2(values["envs"] / 1024))
    updates = 1 - math.exp(-values["updates"] / 300)
    if values["optimizer"] == "lbfgs" and values["envs"] > 2048:
        return Outcome(0, 40, failed=True)
    return Outcome(quality * updates, dear * values["updates"] * (0.5 + values["envs"] / 2048))


def _noisy(values: Values) -> Outcome:
    """Few parameters, and seeds that differ as much as good and fair settings do."""
    horizon, rate = -math.log10(1 - values["gamma"]), math.log10(values["lr"])
    quality = _bump(horizon - 2.0, 0.6) * _bump(rate + 3.2 + 0.3 * (horizon - 2), 0.7)
    steps = values["total_timesteps"]
    return Outcome(50 * quality * steps / (steps + 2e6), steps / 1e4)


TASKS: Final = (
    Task(
        "policy",
        "maximize",
        {
            "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
            "gamma": {"distribution": "logit_normal", "min": 0.8, "max": 0.9999},
            "batch_size": {"distribution": "uniform_pow2", "min": 64, "max": 32768},
            "layers": {"distribution": "int_uniform", "min": 1, "max": 6},
            "activation": {"values": ["relu", "tanh", "elu"]},
            "total_timesteps": {"distribution": "log_normal", "min": 1e6, "max": 1e8},
            "seed": {"value": 1},
        },
        _policy,
        score_noise=25,
    ),
    Task(
        "loss",
        "minimize",
        {
            "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
            "width": {"distribution": "uniform_pow2", "min": 16, "max": 1024},
            "depth": {"distribution": "int_uniform", "min": 1, "max": 12},
            "dropout": {"distribution": "uniform", "min": 0, "max": 0.6},
            "steps": {"distribution": "log_normal", "min": 200, "max": 50000},
        },
        _loss,
        score_noise=0.03,
    ),
    Task(
        "cliff",
        "maximize",
        {
            "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
            "clip": {"distribution": "uniform", "min": 0.05, "max": 0.8},
            "epochs": {"distribution": "int_uniform", "min": 1, "max": 20},
        },
        _cliff,
        score_noise=2,
    ),
    Task(
        "valleys",
        "minimize",
        {name: {"distribution": "uniform", "min": 0, "max": 1} for name in "abcde"},
        _valleys,
        score_noise=0.1,
    ),
    Task(
        "choices",
        "maximize",
        {
            "optimizer": {"values": list(_FAMILIES)},
            "normalize": {"values": [True, False]},
            "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1},
            "momentum": {"distribution": "uniform", "min": 0, "max": 0.99},
            "envs": {"distribution": "uniform_pow2", "min": 128, "max": 8192},
            "updates": {"distribution": "int_uniform", "min": 20, "max": 2000},
        },
        _choices,
        score_noise=0.02,
    ),
    Task(
        "noisy",
        "maximize",
        {
            "gamma": {"distribution": "logit_normal", "min": 0.8, "max": 0.9999},
            "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
            "total_timesteps": {"distribution": "log_normal", "min": 1e5, "max": 3e7},
        },
        _noisy,
        score_noise=5,
    ),
)
