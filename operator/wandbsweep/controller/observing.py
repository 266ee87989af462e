"""Observe: look up everything that one pass decides from. Nothing is remembered that can be looked up."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from wandbsweep.api import labels
from wandbsweep.api.reasons import Reason
from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.api.status import WandbSweepStatus
from wandbsweep.controller import kube_facts
from wandbsweep.controller.accounts import read_account
from wandbsweep.controller.definitions import check_template, read_sweep, template_was_checked
from wandbsweep.controller.intents import read_intent
from wandbsweep.controller.kube_api import NotFoundError, core_path, jobs_path, sweeps_path
from wandbsweep.controller.object_loops import ObjectKey
from wandbsweep.pool import polling
from wandbsweep.pool.engines import missing_engine
from wandbsweep.pool.facts import AgentJob, AgentPod, Problem, Snapshot, SweepReading
from wandbsweep.pool.jobs import Owner
from wandbsweep.pool.retries import ended_since
from wandbsweep.pool.status import selector
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.errors import TrackingError

if TYPE_CHECKING:
    from wandbsweep.controller.ended_pods import EndedPods
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.controller.readings import Readings
    from wandbsweep.pool.jobs import Runtime
    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.tracking.protocol import Account, SweepTracker

BELIEVED_AFTER = timedelta(seconds=15)  # how long W&B has to deny a sweep that it had before it counts as deleted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observation:
    """A snapshot, with what its execution needs besides: the body as it was read, and the W&B account."""

    body: dict[str, Any]
    snapshot: Snapshot
    account: Account | None


@dataclass(frozen=True)
class _WandbSide:
    account: Account | None = None
    problem: Problem | None = None
    reading: SweepReading | None = None
    missing: bool = False


class Observer:
    """Reads the object, its Jobs and pods, what it refers to, and its sweep on W&B."""

    def __init__(
        self, kube: KubeApi, tracker: SweepTracker, readings: Readings, ended_pods: EndedPods, runtime: Runtime
    ) -> None:
        self._kube = kube
        self._tracker = tracker
        self._readings = readings
        self._ended_pods = ended_pods
        self._runtime = runtime

    async def observe(self, key: ObjectKey) -> Observation | None:
        """The facts of this moment; None if the object is gone. Raises KubeError if the API server does not answer."""
        try:
            body = await self._kube.get(sweeps_path(*key))
        except NotFoundError:
            return None
        spec = WandbSweepSpec.model_validate(body["spec"])
        status = read_status(body)
        metadata = body["metadata"]
        owner = Owner(key.namespace, key.name, metadata["uid"])
        jobs, pods = await self._pool(owner, kube_facts.read_time(metadata.get("creationTimestamp")))
        deleted_at = kube_facts.read_time(metadata.get("deletionTimestamp"))
        intent = read_intent(metadata)
        definition, problem = None, None
        if status.completion_time is None and (deleted_at is None or (intent and status.sweep_path is None)):
            definition, problem = await self._definition(owner, spec, status, metadata["generation"])
        wandb = _WandbSide()
        wanted = problem is None and missing_engine(definition) is None
        if status.sweep_path is not None or (intent if deleted_at else wanted):
            wandb = await self._wandb(owner, spec, status, jobs, deleting=deleted_at is not None)
        snapshot = Snapshot(
            namespace=key.namespace,
            name=key.name,
            uid=owner.uid,
            generation=metadata["generation"],
            spec=spec,
            status=status,
            now=_now(),
            deleted_at=deleted_at,
            has_finalizer=labels.FINALIZER in metadata.get("finalizers", []),
            intent=intent,
            definition=definition,
            definition_problem=problem,
            wandb_problem=wandb.problem,
            reading=wandb.reading,
            sweep_missing=wandb.missing,
            jobs=jobs,
            pods=pods,
        )
        return Observation(body, snapshot, wandb.account)

    async def _pool(self, owner: Owner, since: datetime | None) -> tuple[tuple[AgentJob, ...], tuple[AgentPod, ...]]:
        """The Jobs and their pods, and pods that ended and are gone since the last pass."""
        ended = self._ended_pods.of(ObjectKey(owner.namespace, owner.name), since=since)
        marked = selector(owner.name)
        jobs = await self._kube.list_all(jobs_path(owner.namespace), marked)
        if not jobs:
            return (), ended
        pods = await self._kube.list_all(core_path(owner.namespace, "pods"), marked)
        ours = [job for job in jobs if _owned_by(job, owner.uid)]
        agents = [agent for job in ours if (agent := kube_facts.agent_job(job))]
        names = {agent.name for agent in agents}
        facts = [kube_facts.agent_pod(pod) for pod in pods]
        there = [pod for pod in facts if pod.job_name in names]
        uids = {pod.uid for pod in there}
        return tuple(agents), (*there, *(pod for pod in ended if pod.uid not in uids))

    async def _definition(
        self, owner: Owner, spec: WandbSweepSpec, status: WandbSweepStatus, generation: int
    ) -> tuple[SweepDefinition | None, Problem | None]:
        definition = None
        if status.sweep_path is None and spec.sweep_id is None:
            answer = await read_sweep(self._kube, owner.namespace, spec)
            if isinstance(answer, Problem):
                return None, answer
            definition = answer
        if template_was_checked(status, generation):
            return definition, None
        return definition, await check_template(self._kube, self._runtime, owner, spec)

    async def _wandb(
        self,
        owner: Owner,
        spec: WandbSweepSpec,
        status: WandbSweepStatus,
        jobs: tuple[AgentJob, ...],
        *,
        deleting: bool,
    ) -> _WandbSide:
        if status.completion_time is not None:
            return _WandbSide()
        known = SweepPath.parse(status.sweep_path) if status.sweep_path else None
        last = self._readings.last(known) if known else None
        if last and not deleting and not reading_is_due(last, jobs, _now()):
            return _WandbSide(reading=last)
        account = await read_account(self._kube, self._runtime, owner.namespace, spec)
        if isinstance(account, Problem):
            return _WandbSide(problem=account, reading=last)
        try:
            path = known or await self._path_to_join(account, spec)
            if path is None:
                # Before anything is recorded on the object: is the server there, and does it know the key?
                await self._tracker.resolve_entity(account)
                return _WandbSide(account)
            reading = await self._readings.read(account, path, _now())
        except TrackingError as error:
            return _WandbSide(account, problem=as_problem(error), reading=last)
        if reading is None:
            # A key that may no longer see the project looks the same for a moment; agents are not ended for that.
            gone = known is None or self._readings.missing_for(path, _now()) >= BELIEVED_AFTER
            return _WandbSide(account, reading=last, missing=gone)
        return _WandbSide(account, reading=reading)

    async def _path_to_join(self, account: Account, spec: WandbSweepSpec) -> SweepPath | None:
        if spec.sweep_id is None or spec.project is None:
            return None
        entity = spec.entity or await self._tracker.resolve_entity(account)
        return SweepPath(entity, spec.project, spec.sweep_id)


def read_status(body: dict[str, Any]) -> WandbSweepStatus:
    """The status as it was last written; an unreadable one (edited by hand) is worked out anew."""
    try:
        return WandbSweepStatus.model_validate(body.get("status") or {})
    except ValidationError:
        log.warning("The status of %s cannot be read and is worked out anew", body["metadata"]["name"])
        return WandbSweepStatus()


def reading_is_due(last: SweepReading, jobs: tuple[AgentJob, ...], now: datetime) -> bool:
    """Whether to look at W&B again: at the poll's time, and after an agent ended."""
    return now >= polling.next_poll(last) or any(ended_since(job, last.read_at) for job in jobs)


def as_problem(error: TrackingError) -> Problem:
    """An error of the W&B server as the reason that its condition shows."""
    retry_after = timedelta(seconds=error.retry_after_seconds) if error.retry_after_seconds else None
    return Problem(Reason.of(error.reason), str(error), retry_after)


def _owned_by(job: dict[str, Any], uid: str) -> bool:
    return any(reference.get("uid") == uid for reference in job["metadata"].get("ownerReferences", []))


def _now() -> datetime:
    return datetime.now(timezone.utc)
