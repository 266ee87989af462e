"""How a pod ended: what its containers' states say, and what its agent had to say about it.

The agent's words are the termination message of a container that the user's image runs, so that anything may stand in
them: what is not as agents write it is passed over.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS_OF_TIME: Final = ("startup", "finished", "failed", "preempted", "idle")
"""What may have become of an agent's seconds."""

_KILLED: Final = 137  # 128 + SIGKILL


@dataclass(frozen=True)
class LastWords:
    """What an agent left behind: a word for its end, a sentence about it, what became of its life, and its GPU."""

    reason: str
    message: str
    seconds: Mapping[str, float] | None
    gpu: str | None = None


def read_last_words(text: object) -> LastWords | None:
    """The words of an agent; None where it left none."""
    try:
        words = json.loads(str(text))
    except (ValueError, RecursionError):
        return None
    if not isinstance(words, dict):
        return None
    reason, message = words.get("reason"), words.get("message")
    if not isinstance(reason, str) or not isinstance(message, str):
        return None
    gpu = words.get("gpu")
    return LastWords(reason, message, _seconds(words.get("seconds")), gpu if isinstance(gpu, str) else None)


def ended_container(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first container that ended badly, else the agent's own end if it has one."""
    ends = [state for container in containers(status) if (state := _end(container))]
    return next((end for end in ends if end.get("exitCode")), ends[-1] if ends else {})


def trainer_end(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """The end of the container that holds the agent, which is the first of its template."""
    specified = pod.get("spec", {}).get("containers", [])
    if not specified:
        return {}
    stated = pod.get("status", {}).get("containerStatuses", [])
    return next((_end(container) for container in stated if container.get("name") == specified[0]["name"]), {})


def exit_message(ended: Mapping[str, Any]) -> str | None:
    """The end of a container as a sentence: the agent's own, else the kubelet's."""
    if not ended:
        return None
    text = ended.get("message", "")
    words = read_last_words(text)
    if words:
        return f"{words.reason}: {words.message}"
    return f"{ended.get('reason', 'Ended')} with exit code {ended.get('exitCode')}. {text}".strip()


def killed_for_memory(trainer: Mapping[str, Any], words: LastWords | None, *, asked_to_go: bool) -> bool:
    """Whether the kernel killed the whole container: an agent that outlives its trainer leaves words.

    One that was asked to go and did not in time is killed in the same way, with another reason.
    """
    if words is not None or not trainer:
        return False
    return trainer.get("reason") == "OOMKilled" or (trainer.get("exitCode") == _KILLED and not asked_to_go)


def containers(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The states of all containers, those that initialise first."""
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _end(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return container.get("state", {}).get("terminated") or {}


def _seconds(value: object) -> Mapping[str, float] | None:
    """Finite times that are not negative, under the names that mean something; None unless all are like that."""
    if not isinstance(value, dict):
        return None
    seconds = {kind: _duration(value[kind]) for kind in KINDS_OF_TIME if kind in value}
    known = {kind: amount for kind, amount in seconds.items() if amount is not None}
    return known if known and len(known) == len(seconds) else None


def _duration(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        amount = float(value)
    except OverflowError:
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None
