"""The reference pages about the runtime, from the code: `python -m wandbsweep.agent.reference_pages docs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.exit_codes import SIGNAL_BASE, USAGE_ERROR, AgentExit, SearchExit, TrialExit, WarmUpExit
from wandbsweep.agent.variables import DEFAULTS, GIVEN, SEARCH_VARIABLES, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.agent.variables import Variable

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

Ends with the trainer's own exit code, or with {SIGNAL_BASE}+n when the trainer died by signal n. It is 0 for a trainer
that had to be ended after its run had finished on W&B. A trial that was asked to end, and did not finish, dies by
SIGTERM: W&B's agent does not count that as a failure. For causes of its own, which [causes.md](causes.md) tells apart:

| code | when | read by |
|-----:|------|---------|
"""

_SEARCH_CODES = """
## `wandbsweep search`

The exit code of the search's container. Its termination message has the reason and a sentence, as JSON.

| code | reason | when | read by |
|-----:|--------|------|---------|
"""

_WARM_UP_CODES = """
## `wandbsweep warm-up`

The exit code of the container that fills the caches of Isaac Sim ([isaac.md](isaac.md)). Its termination message has
the reason and a sentence, as JSON.

| code | reason | when | read by |
|-----:|--------|------|---------|
"""

_CAUSES = """\
# Why a trial ended

Generated from `wandbsweep/agent/causes.py`; a test compares the two.

Each trial ends for one cause. On W&B it is a tag of the run, beside one that names the node (`wandbsweep.node:`); a
finished run has neither. A run that was preempted keeps that tag, whatever becomes of it later. Of a run without a tag
the state on W&B is read: failed is `trainer-error`, crashed is `node-lost`, killed is `stopped`.

| cause | when | counts towards limits.maxFailedRuns | is started again by trial.startupRetries |
|-------|------|-------------------------------------|------------------------------------------|
"""

_CAUSES_READ = """
How the causes are told apart, the first that applies:

1. No trainer could be started from the sampled values: `bad-arguments`.
2. A limit of `spec.trial` was over: `startup-timeout`, `stalled` or `run-timeout`. A metric counts as missing only if
   W&B said so after the time was over; while W&B cannot be asked, only `timeoutSeconds` ends a trial. The trainer gets
   SIGTERM, and SIGKILL 10 s later.
3. The trainer ended with code 0; or its run had finished on W&B, and it died by a signal or lived on for 30 s:
   `finished`. But `nan-metric` if the last value of the sweep's metric is NaN or infinite, and `no-run` if nothing was
   reported to the run.
4. The trial was asked to end: `preempted` if its pod had to go, else `stopped`.
5. The kernel killed the trainer for its memory, or its last output tells of memory: `out-of-memory`.
6. Before the first metric: Hydra, argparse or click refused what they were given: `bad-arguments`.
7. Before the first metric: the trainer died by SIGSEGV, SIGABRT, SIGBUS or SIGILL, or its last output tells of Vulkan,
   the GPU or its driver: `simulator-start`.
8. Any other code: `nan-metric` if the metric is no finite number, else `trainer-error`.

Where a sweep has an [evaluation](evaluation.md) these are the causes of the training, with three differences. It may
log nothing, so it is neither `no-run` nor `nan-metric`. Until its first metric its output counts as a sign of life,
too. And one that ended with code 0 when it was asked to end is interrupted, since its evaluation is missing. The
evaluation then ends the trial like a trainer: `finished`, `nan-metric`, `no-run`, `preempted`, `stopped` or
`run-timeout`. All else is `evaluation-failed`, its time-out and silence included; the message says which it was.
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

_OF_SEARCH = """
The container of a search, where a sweep has one:

| variable | set by | without it | meaning |
|----------|--------|------------|---------|
"""

_FOLDERS = """
HOME and WANDB_DIR become WANDBSWEEP_HOME where they are unset or cannot be written, TMPDIR a folder in it, USER and
LOGNAME the name of the container's user, or `agent` where it has none. PATH begins with the runtime's own commands.
"""


def pages() -> dict[str, str]:
    """Each page as Markdown, by its file name."""
    agent_codes, search_codes = _codes(AgentExit), _codes(SearchExit)
    trial_codes = "".join(f"| {code.value} | {code.when} | {code.reader} |\n" for code in TrialExit)
    variables, of_search = _rows(VARIABLES), _rows(SEARCH_VARIABLES)
    defaults = "".join(f"| `{row.name}` | `{row.value}` | {row.reason} |\n" for row in DEFAULTS)
    given = "".join(f"| `{row.name}` | {row.meaning} |\n" for row in GIVEN)
    causes = "".join(
        f"| `{cause}` | {cause.when} | {_yes(cause.of_user)} | {_yes(cause.may_pass)} |\n" for cause in Cause
    )
    codes = _AGENT_CODES + agent_codes + _TRIAL_CODES + trial_codes + _SEARCH_CODES + search_codes
    codes += _WARM_UP_CODES + _codes(WarmUpExit) + _USAGE
    of_agent = _VARIABLES + variables + _DEFAULTS + defaults + _GIVEN + given + _FOLDERS
    return {
        "causes.md": _CAUSES + causes + _CAUSES_READ,
        "exit-codes.md": codes,
        "agent-environment.md": of_agent + _OF_SEARCH + of_search,
    }


def _codes(codes: Iterable[AgentExit | SearchExit | WarmUpExit]) -> str:
    return "".join(f"| {code.value} | {code.reason} | {code.when} | {code.reader} |\n" for code in codes)


def _rows(variables: Iterable[Variable]) -> str:
    return "".join(f"| `{row.name}` | {row.set_by} | {row.default} | {row.meaning} |\n" for row in variables)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    for name, text in pages().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
