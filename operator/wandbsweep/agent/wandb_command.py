"""The command line of the stock W&B agent, in the words that its version understands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wandbsweep.agent.drain import DrainBudget
    from wandbsweep.agent.interpreter import Interpreter
    from wandbsweep.agent.settings import AgentSettings

_FORWARDS_SIGNALS = (0, 24, 0)
_KNOWS_TERM_TIMEOUT = (0, 28, 2)


def wandb_agent_command(interpreter: Interpreter, settings: AgentSettings, budget: DrainBudget) -> list[str]:
    """An older agent cannot forward signals; its trial then gets SIGTERM from the runtime, as an orphan."""
    version = _release(interpreter.wandb_version)
    command = [interpreter.executable, "-m", "wandb", "agent"]
    if version >= _FORWARDS_SIGNALS:
        command.append("--forward-signals")
    if version >= _KNOWS_TERM_TIMEOUT:
        command += ["--term-timeout", str(budget.term_timeout)]
    if settings.runs_per_agent is not None:
        command += ["--count", str(settings.runs_per_agent)]
    return [*command, settings.sweep]


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
