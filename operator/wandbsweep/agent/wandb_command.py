"""The command line of the stock W&B agent, in the words that its version understands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wandbsweep.agent.leave import MOST_FAILURES_IN_A_ROW

if TYPE_CHECKING:
    from wandbsweep.agent.drain import DrainBudget
    from wandbsweep.agent.interpreter import Interpreter
    from wandbsweep.agent.settings import AgentSettings

_FORWARDS_SIGNALS = (0, 24, 0)
_KNOWS_TERM_TIMEOUT = (0, 28, 2)

_COUNTS_FAILURES = (0, 31, 0)

_EXIT_SECONDS = 5
"""How long the W&B agent may take from its last word to its end. It keeps no run open, so there is nothing to save."""

# `python -m wandb`, and an end to its exit. At exit wandb tells its service to shut down, closes the connection and
# waits for the service, however long. When the agent gives up a request that got no answer in time, the service may
# still be replying to that one: it then finds the connection closed and never reads that it should shut down, and
# both wait for each other for ever. The service ends by itself once the agent is gone.
_PROGRAM = f"""\
import os, runpy, sys, threading
code = 1
def leave():
    try:
        sys.stdout.flush()
    finally:
        os._exit(code)
try:
    runpy.run_module("wandb", run_name="__main__", alter_sys=True)
    code = 0
except SystemExit as end:
    code = end.code if isinstance(end.code, int) else int(end.code is not None)
    raise
finally:
    timer = threading.Timer({_EXIT_SECONDS}, leave)
    timer.daemon = True
    timer.start()
"""


def wandb_agent_command(interpreter: Interpreter, settings: AgentSettings, budget: DrainBudget) -> list[str]:
    """`wandb agent` for this sweep; the word `agent` and what follows it are for wandb.

    An older agent cannot forward signals; its trial then gets SIGTERM from the runtime, as an orphan.
    """
    version = _release(interpreter.wandb_version)
    command = [interpreter.executable, "-c", _PROGRAM, "agent"]
    if version >= _FORWARDS_SIGNALS:
        command.append("--forward-signals")
    if version >= _KNOWS_TERM_TIMEOUT:
        command += ["--term-timeout", str(budget.term_timeout)]
    if version >= _COUNTS_FAILURES:
        # For sweeps whose command is not ours; the records of our own trials are counted by the runtime.
        command += ["--max-consecutive-failed-runs", str(MOST_FAILURES_IN_A_ROW)]
    if settings.runs_per_agent is not None:
        command += ["--count", str(settings.runs_per_agent)]
    return [*command, settings.sweep]


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
