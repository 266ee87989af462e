"""What reading a definition and rendering a trial take: the two things that happen per file and per run."""

from __future__ import annotations

import itertools
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

import yaml
from tables import row
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.macros import escape_macros, render_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PARAMETERS: Final = 500
_ROUNDS: Final = 9
_RENDERS: Final = 2000

_TRIAL: Final[dict[str, Any]] = {
    "agent.algorithm.learning_rate": 0.00034270194,
    "agent.algorithm.gamma": 0.9953,
    "agent.algorithm.lam": 0.95,
    "agent.algorithm.clip_param": 0.2,
    "agent.algorithm.entropy_coef": 1e-05,
    "agent.algorithm.num_learning_epochs": 5,
    "agent.algorithm.num_mini_batches": 4,
    "agent.policy.actor_hidden_dims": [512, 256, 128],
    "agent.policy.critic_hidden_dims": [512, 256, 128],
    "agent.policy.activation": "elu",
    "agent.policy.init_noise_std": 1.0,
    "agent.policy.rnn_type": "lstm",
    "agent.empirical_normalization": False,
    "agent.resume": None,
    "agent.run_name": "it's the first, of many",
    "env.rewards.goal_reached.weight": 123.45678901234567,
    "env.rewards.action_rate.weight": -0.01,
    "env.observations.policy.enable_corruption": True,
    "env.terminations.base_contact.params": {"threshold": 1.0, "body_names": ["base", ".*_thigh"]},
    "env.scene.terrain.max_init_terrain_level": 3,
}
_BODIES: Final = (
    "distribution: log_uniform_values\n    min: 1.0e-5\n    max: 1.0e-2",
    "values: [32, 64, 128, 256]",
    "distribution: uniform\n    min: 0.5\n    max: 2.0",
    "values: [elu, relu, tanh]",
    "value: [256, 128, 64]",
)


def measure_definitions() -> Iterator[str]:
    """A table of both."""
    ours, plain = _seconds(_render, _spell_as_wandb)
    yield "A trial of 20 mixed values, from what W&B recorded to the program's arguments"
    yield row("", "per second")
    yield row("for Hydra, by the launcher", f"{_RENDERS / ours:,.0f}")
    yield row("by W&B's own agent, with str()", f"{_RENDERS / plain:,.0f}")
    yield row("ratio", f"{ours / plain:.1f}")
    yield ""
    text = _definition()
    ours, plain = _seconds(lambda: read_definition(text, field="sweep.yaml"), lambda: yaml.safe_load(text))
    yield f"A sweep.yaml of {_PARAMETERS} parameters, read and checked"
    yield row("lint", f"{ours * 1000:.0f} ms")
    yield row("yaml.safe_load of the same text", f"{plain * 1000:.0f} ms")
    yield row("ratio", f"{ours / plain:.1f}")


def _seconds(*works: Callable[[], object]) -> list[float]:
    """The median time of each, measured in turn so that a busy machine is busy for all."""
    times: list[list[float]] = [[] for _ in works]
    for _, (work, taken) in itertools.product(range(_ROUNDS), list(zip(works, times, strict=True))):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def _render() -> None:
    command = escape_macros(["python", "train.py", "--headless", "${args_no_hyphens}"])
    for _ in range(_RENDERS):
        render_command(command, _TRIAL, args_json_file="")


def _spell_as_wandb() -> None:
    order = {"args": {name: {"value": value} for name, value in _TRIAL.items()}}
    for _ in range(_RENDERS):
        ["python", "train.py", "--headless", *create_sweep_command_args(order)["args_no_hyphens"]]


def _definition() -> str:
    bodies = itertools.islice(itertools.cycle(_BODIES), _PARAMETERS)
    parameters = [f"  env.part_{at // 10}.setting_{at}:\n    {body}" for at, body in enumerate(bodies)]
    head = ["method: random", "program: train.py", "command: ['${interpreter}', '${program}', '${args_no_hyphens}']"]
    return "\n".join([*head, "parameters:", *parameters])
