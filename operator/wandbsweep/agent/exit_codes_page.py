"""Renders docs/exit-codes.md: `python -m wandbsweep.agent.exit_codes_page > docs/exit-codes.md`."""

from __future__ import annotations

import sys

from wandbsweep.agent.exit_codes import SIGNAL_BASE, USAGE_ERROR, AgentExit, TrialExit

_AGENT_INTRODUCTION = """\
# Exit codes

Generated from `wandbsweep/agent/exit_codes.py`; a test compares the two.

## `wandbsweep agent`

The container's exit code, in `kubectl describe pod` under *Last State* or *State*. The same reason, a sentence and the
counts of this agent's runs are in the container's termination message, as JSON.

| code | reason | when | read by |
|-----:|--------|------|---------|
"""

_TRIAL_INTRODUCTION = f"""
## `wandbsweep trial`

Ends with the trainer's own exit code, or with {SIGNAL_BASE}+n when the trainer died by signal n. When no trainer ran:

| code | when | read by |
|-----:|------|---------|
"""

_USAGE = f"""
A command line that cannot be read ends every subcommand with {USAGE_ERROR}.
"""


def exit_codes_page() -> str:
    """The whole page, as Markdown."""
    agent_rows = "".join(f"| {code.value} | {code.reason} | {code.when} | {code.reader} |\n" for code in AgentExit)
    trial_rows = "".join(f"| {code.value} | {code.when} | {code.reader} |\n" for code in TrialExit)
    return _AGENT_INTRODUCTION + agent_rows + _TRIAL_INTRODUCTION + trial_rows + _USAGE


if __name__ == "__main__":
    sys.stdout.write(exit_codes_page())
