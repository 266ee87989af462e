"""How the end of the W&B agent is read: facts in, an exit code and a sentence out.

`wandb agent` ends with 0 for nearly every bad ending and with 1 for the rest, so the cause is read from its own last
lines and from the outcomes that the trials recorded. The verdict about the sweep does not rest on this: it comes from
the run states on the W&B server. This decides only what a reader of the container is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.exit_codes import AgentExit

if TYPE_CHECKING:
    from wandbsweep.agent.outcomes import Tally, TrialRecord

_SWEEP_GONE: Final = re.compile(
    r"Sweep was deleted or agent was not found"
    r"|Sweep \S+ not found"
    r"|Sweep not found"
    r"|[Cc]ould not find sweep"
    r"|(?:sweep|project) \S* ?(?:does not exist|is unknown|was deleted)",
    re.IGNORECASE,
)
_SWEEP_OVER: Final = re.compile(
    r"\bsweep\b.{0,200}\bis (?:not running|finished|cancell?ed|stopped|over)\b", re.IGNORECASE
)
_GAVE_UP: Final = re.compile(r"Detected \d+ (?:consecutive )?failed runs")
_KEY_REJECTED: Final = re.compile(
    r"invalid credentials"
    r"|API key (?:must|may|is|was|verification)"
    r"|(?:invalid|No) API key"
    r"|not logged in"
    r"|permission denied"
    r"|\b(?:401|403)\b(?: Unauthorized| Forbidden)?",
    re.IGNORECASE,
)
_UNREACHABLE: Final = re.compile(
    r"did not respond in time"
    r"|timed? ?out"
    r"|deadline exceeded"
    r"|connection (?:refused|reset|aborted|error)"
    r"|no such host|name resolution|name or service not known"
    r"|(?:network|host) is unreachable|no route to host"
    r"|certificate|unexpected EOF"
    r"|\b(?:429|50[0-4])\b",
    re.IGNORECASE,
)
_UNVERIFIED: Final = re.compile(r"Failed to verify credentials with \S+ ")


@dataclass(frozen=True)
class AgentFacts:
    """What is known when the W&B agent has ended.

    Attributes:
        return_code: its own; negative for a signal, as in subprocess.
        tail: the last lines that it wrote.
        runs: the outcomes that its trials recorded.
        drained: whether SIGTERM or SIGINT had come for the runtime.
        server: where the W&B server is, for the message.
    """

    return_code: int
    tail: str
    runs: Tally
    drained: bool
    server: str


@dataclass(frozen=True)
class Ending:
    """What the container ends with, and the sentence for its reader."""

    code: AgentExit
    message: str


def classify(facts: AgentFacts) -> Ending:
    """The first cause that applies, from the most certain to the least.

    The factors: a signal came; the text names the sweep, the key or the connection; runs failed, finished or were
    stopped; the W&B agent's code is zero or not. A text about key or connection counts only if the code is not zero:
    the W&B agent lives through many outages, and mentions them.
    """
    if facts.drained:
        return Ending(AgentExit.DRAINED, f"Ended as asked by a signal{_after(facts.runs)}.")
    if _SWEEP_GONE.search(facts.tail):
        return Ending(AgentExit.SWEEP_GONE, f"{facts.server} does not know the sweep: it was deleted or never existed.")
    if _all_failed(facts.runs) or _GAVE_UP.search(facts.tail):
        return Ending(AgentExit.RUNS_FAILED, _failure_message(facts.runs))
    if facts.return_code == 0 or _SWEEP_OVER.search(facts.tail):
        return Ending(AgentExit.DONE, f"No more runs for this agent{_after(facts.runs)}.")
    return _error_of_wandb(facts)


def _error_of_wandb(facts: AgentFacts) -> Ending:
    last_line = _last_line(facts.tail)
    if _UNREACHABLE.search(last_line):
        return Ending(AgentExit.WANDB_UNREACHABLE, f"{facts.server} did not answer as it should: {last_line}")
    if _KEY_REJECTED.search(last_line) or _UNVERIFIED.search(last_line):
        return Ending(
            AgentExit.API_KEY_REJECTED,
            f"{facts.server} does not accept the API key in WANDB_API_KEY; correct the Secret: {last_line}",
        )
    if facts.return_code < 0:
        return Ending(AgentExit.AGENT_CRASHED, f"The W&B agent was killed by signal {-facts.return_code}.")
    return Ending(AgentExit.AGENT_CRASHED, f"The W&B agent ended with code {facts.return_code}: {last_line}")


def _all_failed(runs: Tally) -> bool:
    return runs.failed > 0 and runs.failed == runs.total


def _failure_message(runs: Tally) -> str:
    if runs.last_failure is None:
        return "The W&B agent gave up after failed runs; their output is in this log."
    return f"{runs.failed} of {runs.total} runs failed; {of_last(runs.last_failure)}"


def of_last(failure: TrialRecord) -> str:
    """The words about the last of several failures, with what its trainer said last."""
    told = f": {failure.last_line}" if failure.last_line else "."
    return f"the last, run {failure.run_id}, with exit code {failure.exit_code} ({failure.cause}){told}"


def _after(runs: Tally) -> str:
    if not runs.total:
        return ", before any run ended"
    parts = [
        (runs.finished, "finished"),
        (runs.failed, "failed"),
        (runs.stopped, "stopped"),
        (runs.preempted, "preempted"),
    ]
    return ": " + ", ".join(f"{count} {word}" for count, word in parts if count)


def _last_line(tail: str) -> str:
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
