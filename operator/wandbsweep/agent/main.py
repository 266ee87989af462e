"""The runtime's own command line; the bundle starts here, and `wandbsweep` hands these subcommands over unchanged."""

from __future__ import annotations

import os
import signal
import sys

from wandbsweep import __version__
from wandbsweep.agent.agent import run_agent
from wandbsweep.agent.exit_codes import USAGE_ERROR
from wandbsweep.agent.install import run_install
from wandbsweep.agent.trial import run_trial
from wandbsweep.agent.warm_up import run_warm_up

USAGE = f"""\
wandbsweep {__version__}, the part that runs inside training containers

  wandbsweep agent                           run one agent of the sweep that WANDBSWEEP_SWEEP names
  wandbsweep trial ARGS_JSON -- COMMAND...   run the trainer of one W&B run; the sweep's command calls this
  wandbsweep warm-up                         fill the caches of Isaac Sim for the agents that come after
  wandbsweep install DIR [--with-wandb]      write this runtime into a folder, with the W&B SDK if asked to

`agent` and `warm-up` are told everything by environment variables and take no arguments.
Exit codes: docs/exit-codes.md.
"""


def main(argv: list[str]) -> int:
    """Runs one subcommand and returns its exit code."""
    match argv:
        case ["agent"]:
            return run_agent(os.environ)
        case ["warm-up"]:
            return run_warm_up(os.environ)
        case ["trial", *words] if words not in (["--help"], ["-h"]):
            return _die_or_end(run_trial(words, os.environ))
        case ["install", folder] if not folder.startswith("-"):
            return run_install(folder)
        case ["install", folder, "--with-wandb"] if not folder.startswith("-"):
            return run_install(folder, with_wandb=True)
    if "--help" in argv or "-h" in argv:
        sys.stdout.write(USAGE)
        return 0
    sys.stderr.write(f"wandbsweep: cannot read this command line\n\n{USAGE}")
    return USAGE_ERROR


def _die_or_end(code: int) -> int:
    """A negative code is a signal: whoever waits for this process sees that it did not end by itself."""
    if code < 0:
        sys.stdout.flush()
        sys.stderr.flush()
        signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {-code})
        os.kill(os.getpid(), -code)
    return code
