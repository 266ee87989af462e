"""Kubernetes Events: what a user reads at the end of `kubectl describe`.

Each Event is made by one function with typed arguments and says by its key when it is the same as another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.pool import actions, queueing
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.isaac_warm_up import gpus_without_ray_tracing
from wandbsweep.pool.limits import EXPLAINED_WITHIN

if TYPE_CHECKING:
    from wandbsweep.api.status import AvoidedNode, Condition, WandbSweepStatus
    from wandbsweep.pool.facts import AgentJob, AgentPod, FailedRun, Snapshot, WarmUpJob
    from wandbsweep.pool.outcome import Outcome

_TOLD = (
    ConditionType.SWEEP_VALID,
    ConditionType.WANDB_REACHABLE,
    ConditionType.SWEEP_CREATED,
    ConditionType.SEARCH_READY,
    ConditionType.SUSPENDED,
    ConditionType.COMPLETE,
    ConditionType.FAILED,
)
"""Conditions whose changes are Events. Ready repeats others; AgentsReady is told agent by agent."""

_QUIET = frozenset({Reason.VALID, Reason.CREATING, Reason.NOT_VALID, Reason.NOT_REACHABLE, Reason.IN_PROGRESS})
"""Reasons that say nothing new: what follows from another condition, or the ordinary course."""

_USUAL = frozenset({Reason.REACHABLE, Reason.NOT_SUSPENDED})
"""Reasons that are news only where another one stood before."""

_SAID_OF_THE_SWEEP = frozenset({Reason.SEARCH_STARTING, Reason.NO_SWEEP, Reason.SWEEP_OVER, Reason.SUSPENDED})
"""Reasons for a search not to be ready that follow from what is told of its sweep, or the ordinary course."""

NEWS_FOR: Final = timedelta(minutes=50)
"""An API server keeps Events for an hour, and with them the knowledge that they were sent."""


@dataclass(frozen=True)
class Event:
    """One sentence to the user. Events with the same `key` about the same object are the same Event."""

    reason: Reason
    message: str
    key: str
    warning: bool = False
    run: str | None = None  # on W&B, of which it tells


def of_pass(snapshot: Snapshot, plan: actions.Plan, outcome: Outcome, status: WandbSweepStatus) -> list[Event]:
    """All that a pass over a live object has to tell, once its status was written."""
    return [
        *of_conditions(snapshot.status, status),
        *of_agents(snapshot, outcome),
        *of_plan(snapshot, plan),
        *of_the_sweep(snapshot, outcome),
        *of_runs(snapshot),
        *of_isaac(snapshot, outcome),
        *(node_avoided(node) for node in status.avoided_nodes if node not in snapshot.status.avoided_nodes),
    ]


def of_conditions(before: WandbSweepStatus, after: WandbSweepStatus) -> list[Event]:
    """The conditions that say something else than before."""
    events = []
    for kind in _TOLD:
        old, new = before.condition(kind), after.condition(kind)
        if new is None or new.reason in _QUIET or (old and _says(old) == _says(new)):
            continue
        if new.reason in _USUAL and old is None:
            continue
        if kind is ConditionType.SEARCH_READY and new.reason in _SAID_OF_THE_SWEEP:
            continue
        if kind in {ConditionType.COMPLETE, ConditionType.FAILED} and new.status is not ConditionStatus.TRUE:
            continue
        events.append(Event(new.reason, new.message or new.reason.when, _key(new), warning=_warns(new)))
    return events


def _warns(condition: Condition) -> bool:
    """Whether somebody has to look at this. That a sweep is paused is somebody's wish."""
    if condition.type is ConditionType.SUSPENDED:
        return False
    bad = (condition.status is ConditionStatus.TRUE) == (condition.type is ConditionType.FAILED)
    return bad or condition.reason is Reason.VALID_WITH_WARNINGS


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
    ended = [agent_ended(snapshot, job) for job in snapshot.jobs if job.phase is JobPhase.SUCCEEDED or job.failed]
    evictions = [agent_evicted(job, pod) for job, pod in queueing.evicted(snapshot) if _is_recent(job, snapshot)]
    return [*started, *ended, *evictions, *removed]


def agent_ended(snapshot: Snapshot, job: AgentJob) -> Event:
    """How an agent ended, in its own words where it left some."""
    pod = next((pod for pod in snapshot.pods if pod.job_name == job.name and pod.exit_message), None)
    words = f" {pod.exit_message}" if pod else ""
    where = f" on node {pod.node}" if pod and pod.node else ""
    key = f"{job.name}/{job.created_at.timestamp()}"  # a slot whose Jobs were removed counts them from 0 again
    if job.failed:
        return Event(Reason.AGENT_FAILED, f"Job {job.name} ended badly{where}.{words}", key, warning=True)
    return Event(Reason.AGENT_ENDED, f"Job {job.name} ended{where}.{words}", key)


def agent_evicted(job: AgentJob, pod: AgentPod) -> Event:
    """The queue of an agent took its place back. Once for each time, and nobody's fault."""
    where = f" on node {pod.node}" if pod.node else ""
    queue = f"queue {job.queue}" if job.queue else "somebody"
    again = "it goes on when it is admitted again" if job.phase is JobPhase.ACTIVE else "the next agent joins the queue"
    message = f"Job {job.name}{where} was suspended by {queue}: its run is handed out again, and {again}."
    return Event(Reason.AGENT_EVICTED, message, pod.uid)


def _is_recent(job: AgentJob, snapshot: Snapshot) -> bool:
    """Whether its Event cannot have expired yet, so that it is known whether it was sent."""
    return job.suspended_since is None or snapshot.now - job.suspended_since < NEWS_FOR


def of_plan(snapshot: Snapshot, plan: actions.Plan) -> list[Event]:
    """What was asked of agents, and that the object goes because its time is over."""
    events = []
    for action in plan.actions:
        match action:
            case actions.AskToLeave():
                message = f"Asked {action.pod_name} to leave after its current run: {action.why}."
                events.append(Event(Reason.AGENT_LEAVING, message, action.pod_name))
            case actions.DeleteObject():
                ttl = snapshot.spec.ttl_seconds_after_finished
                message = (
                    f"The object is deleted: spec.ttlSecondsAfterFinished ({ttl} s) is over. The sweep stays on W&B."
                )
                events.append(Event(Reason.OBJECT_EXPIRED, message, "expired"))
    return events


def of_the_sweep(snapshot: Snapshot, outcome: Outcome) -> list[Event]:
    """What was done to a sweep that was there. Pauses and resumptions are told by their condition."""
    events = []
    for action in outcome.on_wandb:
        match action:
            case actions.SetSweepState(why=Reason() as why):
                message = f"{action.path}: {why.when}"
                events.append(Event(why, message, str(action.path), warning=why is Reason.OVERRUN_STOPPED))
            case actions.UpdateSweep():
                message = f"Changed {_changes(snapshot, action)} of {action.path} on W&B."
                events.append(Event(Reason.SWEEP_UPDATED, message, f"{action.path}/{snapshot.generation}"))
    return events


def _changes(snapshot: Snapshot, update: actions.UpdateSweep) -> str:
    """What an update changed, where the sweep was seen before."""
    seen, config = snapshot.reading, update.config
    if seen is None:
        return "the definition"
    parts = []
    if config.get("run_cap") != seen.run_cap:
        parts.append(f"the run cap from {_cap(seen.run_cap)} to {_cap(config.get('run_cap'))}")
    if config.get("name") != seen.display_name:
        parts.append(f"the name to {config.get('name')}")
    if config.get("description") != seen.description:
        parts.append("the description")
    return ", ".join(parts) or "the definition"


def _cap(cap: object) -> str:
    return "none" if cap is None else str(cap)


def of_runs(snapshot: Snapshot) -> list[Event]:
    """The last runs that ended badly. Of older ones the Event has expired, and would be a new one."""
    failures = snapshot.reading.latest_failures if snapshot.reading else ()
    return [run_failed(run) for run in failures if _is_news(run, snapshot)]


def _is_news(run: FailedRun, snapshot: Snapshot) -> bool:
    """A run without a cause may still get one, as long as somebody is there to give it."""
    if run.seen_at is None:
        return True
    age = snapshot.now - run.seen_at
    alone = snapshot.terminal and not snapshot.jobs
    return age < NEWS_FOR and (run.explained or alone or age >= EXPLAINED_WITHIN)


def run_failed(run: FailedRun) -> Event:
    """Why a run failed, and where."""
    where = f" on node {run.node}" if run.node else ""
    message = f"Run {run.name} ({run.run_id}) ended badly{where}: {run.cause}. {run.cause.when} {run.url}"
    key = f"{run.run_id}/{run.cause}"
    return Event(Reason.RUN_FAILED, message, key, warning=run.cause.of_user, run=run.run_id)


def of_isaac(snapshot: Snapshot, outcome: Outcome) -> list[Event]:
    """The warm-up of caches, and GPUs that cannot do what the profile asks for."""
    events = [warm_up_ended(job) for job in snapshot.warm_ups if job.phase is not JobPhase.ACTIVE]
    if name := outcome.started_warm_up:
        events.append(Event(Reason.WARM_UP_STARTED, f"Created Job {name}: it fills the caches of Isaac Sim.", name))
    return [*events, *(no_ray_tracing(gpu) for gpu in gpus_without_ray_tracing(snapshot))]


def warm_up_ended(job: WarmUpJob) -> Event:
    """How a warm-up ended, in its own words where it left some."""
    words, key = f" {job.exit_message or ''}".rstrip(), f"{job.name}/{job.created_at.timestamp()}"
    if job.phase is JobPhase.SUCCEEDED:
        return Event(Reason.WARM_UP_DONE, f"Job {job.name} ended.{words}", key)
    message = f"Job {job.name} ended badly.{words} Agents start all the same."
    return Event(Reason.WARM_UP_FAILED, message, key, warning=True)


def no_ray_tracing(gpu: str) -> Event:
    """A GPU on which cameras should not render."""
    message = (
        f"A pod was on {gpu}, a GPU without ray-tracing cores, and spec.isaac.profile is camera: cameras crash there, "
        "or are slow. Select other nodes in the template."
    )
    return Event(Reason.NO_RAY_TRACING, message, gpu, warning=True)


def node_avoided(node: AvoidedNode) -> Event:
    """From which node new agents keep away, with the last words of the agent that failed there."""
    message = f"Node {node.name}: {Reason.NODE_AVOIDED.when} {node.message}".rstrip()
    return Event(Reason.NODE_AVOIDED, message, f"{node.name}/{node.since.timestamp()}", warning=True)


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


def _says(condition: Condition) -> tuple[object, ...]:
    """What makes two conditions the same news.

    How an unreachable server fails, how far a pause has come, and when a search is started again may vary; the news is
    that there is one.
    """
    in_short = {ConditionType.WANDB_REACHABLE, ConditionType.SUSPENDED, ConditionType.SEARCH_READY}
    told = "" if condition.type in in_short else condition.message
    return condition.status, condition.reason, told
