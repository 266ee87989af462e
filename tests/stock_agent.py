"""What the stock W&B agent runs for a sweep's command: its own code, up to the moment when it would start a process."""

from __future__ import annotations

import os
import tempfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

from wandb import wandb_agent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def stock_agent_argv(
    command: Sequence[str],
    args: Mapping[str, Any],
    *,
    program: str = "train.py",
    environ: Mapping[str, str] | None = None,
) -> list[str]:
    """The words of the process that the agent starts for a run with these values."""
    agent = wandb_agent.Agent.__new__(wandb_agent.Agent)
    agent._sweep_command = list(command)
    agent._function = None
    agent._in_jupyter = agent._forward_signals = False
    agent._run_processes = {}
    order = {"run_id": "r1", "program": program, "args": {name: {"value": value} for name, value in args.items()}}
    started = mock.Mock(return_value=SimpleNamespace())
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {**(environ or {}), "WANDB_DIR": folder}),
        mock.patch.object(wandb_agent, "AgentProcess", started),
    ):
        agent._command_run(order)
    words: list[str] = started.call_args.kwargs["command"]
    return words
