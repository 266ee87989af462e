"""The reference pages about the runtime, from the code: `python -m wandbsweep.agent.reference_pages docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from wandbsweep.agent.exit_codes import SIGNAL_BASE, USAGE_ERROR, AgentExit, TrialExit
from wandbsweep.agent.variables import DEFAULTS, GIVEN, VARIABLES

_AGENT_CODES = """\
# Exit codes

Generated from `wandbsweep/agent/exit_codes.py`; a test compares the two.

## `wandbsweep agent`

The container's exit code, in `kubectl describe pod` under *State*. The same reason, a sentence and the counts of this
agent's runs are in the container's termination message, as JSON.

| code | reason | when | read by |
|-----:|--------|------|---------|
"""

_TRIAL_CODES = f"""
## `wandbsweep trial`

Ends with the trainer's own exit code, or with {SIGNAL_BASE}+n when the trainer died by signal n. When no trainer ran:

| code | when | read by |
|-----:|------|---------|
"""

_USAGE = f"""
A command line that cannot be read ends `wandbsweep` with {USAGE_ERROR}.
"""

_VARIABLES = """\
# Environment of an agent

Generated from `wandbsweep/agent/variables.py`; a test compares the two.

| variable | set by | without it | meaning |
|----------|--------|------------|---------|
"""

_DEFAULTS = """
The agent sets these for the W&B agent and its trials, unless the pod template does:

| variable | value | reason |
|----------|-------|--------|
"""

_GIVEN = """
A trial's launcher tells the trainer:

| variable | meaning |
|----------|---------|
"""

_FOLDERS = """
HOME and WANDB_DIR become WANDBSWEEP_HOME where they are unset or cannot be written, TMPDIR a folder in it, USER and
LOGNAME the name of the container's user, or `agent` where it has none. PATH begins with the runtime's own commands.
"""


def pages() -> dict[str, str]:
    """Each page as Markdown, by its file name."""
    agent_codes = "".join(f"| {code.value} | {code.reason} | {code.when} | {code.reader} |\n" for code in AgentExit)
    trial_codes = "".join(f"| {code.value} | {code.when} | {code.reader} |\n" for code in TrialExit)
    variables = "".join(f"| `{row.name}` | {row.set_by} | {row.default} | {row.meaning} |\n" for row in VARIABLES)
    defaults = "".join(f"| `{row.name}` | `{row.value}` | {row.reason} |\n" for row in DEFAULTS)
    given = "".join(f"| `{row.name}` | {row.meaning} |\n" for row in GIVEN)
    return {
        "exit-codes.md": _AGENT_CODES + agent_codes + _TRIAL_CODES + trial_codes + _USAGE,
        "agent-environment.md": _VARIABLES + variables + _DEFAULTS + defaults + _GIVEN + given + _FOLDERS,
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
