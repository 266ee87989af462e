"""Kubernetes Events: what a user reads at the end of `kubectl describe`.

Each Event is made by one function with typed arguments. Its name is derived from what it says about which object, so
that saying it twice, also after a restart, is a conflict at the API server and not a second Event.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api import labels
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.controller.kube_api import ConflictError, KubeError, core_path
from wandbsweep.pool.facts import JobPhase

if TYPE_CHECKING:
    from wandbsweep.api.status import Condition, WandbSweepStatus
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.pool.facts import AgentJob, Snapshot
    from wandbsweep.pool.outcome import Outcome

COMPONENT: Final = "wandbsweep-operator"
_MESSAGE_LIMIT: Final = 1024  # the API server refuses longer ones

_TOLD = (
    ConditionType.SWEEP_VALID,
    ConditionType.WANDB_REACHABLE,
    ConditionType.SWEEP_CREATED,
    ConditionType.COMPLETE,
    ConditionType.FAILED,
)
"""Conditions whose changes are Events. Ready repeats others; AgentsReady is told agent by agent."""

_QUIET = frozenset({Reason.VALID, Reason.CREATING, Reason.NOT_VALID, Reason.NOT_REACHABLE, Reason.IN_PROGRESS})
"""Reasons that say nothing new: what follows from another condition, or the ordinary course."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """One sentence to the user. Events with the same `key` about the same object are the same Event."""

    reason: Reason
    message: str
    key: str
    warning: bool = False


def of_pass(snapshot: Snapshot, outcome: Outcome, status: WandbSweepStatus) -> list[Event]:
    """All that a pass over a live object has to tell, once its status was written."""
    return [*of_conditions(snapshot.status, status), *of_agents(snapshot, outcome)]


def of_conditions(before: WandbSweepStatus, after: WandbSweepStatus) -> list[Event]:
    """The conditions that say something else than before."""
    events = []
    for kind in _TOLD:
        old, new = before.condition(kind), after.condition(kind)
        if new is None or new.reason in _QUIET or (old and _says(old) == _says(new)):
            continue
        if new.reason is Reason.REACHABLE and old is None:
            continue  # the first answer is no news
        if kind in {ConditionType.COMPLETE, ConditionType.FAILED} and new.status is not ConditionStatus.TRUE:
            continue
        bad = (new.status is ConditionStatus.TRUE) == (kind is ConditionType.FAILED)
        warning = bad or new.reason is Reason.VALID_WITH_WARNINGS
        events.append(Event(new.reason, new.message or new.reason.when, _key(new), warning=warning))
    return events


def _key(condition: Condition) -> str:
    """What looks unintended in a definition is told once for each generation, everything else as often as it comes."""
    if condition.reason is Reason.VALID_WITH_WARNINGS:
        return f"{condition.type}/{condition.reason}/{condition.observed_generation}"
    since = condition.last_transition_time.timestamp()
    return f"{condition.type}/{condition.reason}/{since}/{condition.message}"


def of_agents(snapshot: Snapshot, outcome: Outcome) -> list[Event]:
    """Agents that were started or taken down in this pass, and those that are seen to have ended."""
    started = [Event(Reason.AGENT_CREATED, f"Created Job {name}.", name) for name in outcome.started]
    removed = [
        Event(Reason.AGENT_REMOVED, f"Removed Job {removal.job_name}: {removal.why}.", removal.job_name)
        for removal in outcome.removed
        if removal.running
    ]
    ended = [agent_ended(snapshot, job) for job in snapshot.jobs if job.phase is not JobPhase.ACTIVE]
    return [*started, *ended, *removed]


def agent_ended(snapshot: Snapshot, job: AgentJob) -> Event:
    """How an agent ended, in its own words where it left some."""
    pod = next((pod for pod in snapshot.pods if pod.job_name == job.name and pod.exit_message), None)
    words = f" {pod.exit_message}" if pod else ""
    where = f" on node {pod.node}" if pod and pod.node else ""
    if job.phase is JobPhase.FAILED:
        return Event(Reason.AGENT_FAILED, f"Job {job.name} ended badly{where}.{words}", job.name, warning=True)
    return Event(Reason.AGENT_ENDED, f"Job {job.name} ended{where}.{words}", job.name)


def of_deletion(snapshot: Snapshot, state: str | None, gave_up: str | None) -> Event:
    """What became of the sweep on W&B when its object was deleted."""
    if gave_up:
        return Event(Reason.CLEANUP_GAVE_UP, f"The object goes, but {gave_up}", "deletion", warning=True)
    sweep = snapshot.path or "the sweep"
    if state == "FINISHED":
        return Event(Reason.SWEEP_STOPPED, f"Stopped {sweep} on W&B.", "deletion")
    if state == "CANCELED":
        return Event(Reason.SWEEP_CANCEL_REQUESTED, f"Cancelled {sweep} on W&B.", "deletion")
    return Event(Reason.SWEEP_RETAINED, f"{sweep} stays on W&B as it is.", "deletion")


class Recorder:
    """Sends Events. One that cannot be sent is logged: a pass never fails for it."""

    def __init__(self, kube: KubeApi) -> None:
        self._kube = kube
        self._sent: dict[str, set[str]] = {}

    async def send(self, snapshot: Snapshot, events: list[Event]) -> None:
        """Send those of the Events that were not sent before."""
        sent = self._sent.setdefault(snapshot.uid, set())
        for event in events:
            name = event_name(snapshot, event)
            if name in sent:
                continue
            sent.add(name)
            try:
                await self._kube.create(core_path(snapshot.namespace, "events"), _manifest(snapshot, event, name))
            except ConflictError:
                continue
            except KubeError as error:
                log.warning("An Event about %s/%s was lost: %s", snapshot.namespace, snapshot.name, error)

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._sent.pop(uid, None)


def event_name(snapshot: Snapshot, event: Event) -> str:
    """The same Event about the same object has the same name."""
    digest = hashlib.sha256(f"{snapshot.uid}/{event.reason}/{event.key}".encode()).hexdigest()
    return f"{snapshot.name}.{digest[:16]}"


def _manifest(snapshot: Snapshot, event: Event, name: str) -> dict[str, Any]:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = event.message
    return {
        "metadata": {"name": name, "namespace": snapshot.namespace},
        "involvedObject": {
            "apiVersion": labels.API_VERSION,
            "kind": labels.KIND,
            "namespace": snapshot.namespace,
            "name": snapshot.name,
            "uid": snapshot.uid,
        },
        "type": "Warning" if event.warning else "Normal",
        "reason": str(event.reason),
        "message": message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 1] + "…",
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def _says(condition: Condition) -> tuple[object, ...]:
    """What makes two conditions the same news. How an unreachable server fails may vary; the news is that it does."""
    told = condition.message if condition.type is not ConditionType.WANDB_REACHABLE else ""
    return condition.status, condition.reason, told
