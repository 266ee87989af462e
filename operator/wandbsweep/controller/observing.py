"""Observe: look up everything that one pass decides from. Nothing is remembered that can be looked up."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from wandbsweep.api import labels
from wandbsweep.api.reasons import Reason
from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.api.status import WandbSweepStatus
from wandbsweep.controller import kube_facts
from wandbsweep.controller.definitions import check_templates, licence_problem, read_sweep, was_checked
from wandbsweep.controller.intents import read_intent
from wandbsweep.controller.isaac_facts import is_warm_up, read_warm_up_job
from wandbsweep.controller.kube_api import NotFoundError, core_path, jobs_path, sweeps_path
from wandbsweep.controller.kube_facts import is_agent, is_search
from wandbsweep.controller.object_loops import ObjectKey
from wandbsweep.controller.search_facts import read_search_job
from wandbsweep.controller.searched_sweeps import SearchedSweeps
from wandbsweep.controller.wandb_look import WandbLook, WandbSide
from wandbsweep.pool.edits import differs
from wandbsweep.pool.facts import AgentJob, AgentPod, Problem, SearchJob, Snapshot, WarmUpJob
from wandbsweep.pool.gpu_hours import unsettled
from wandbsweep.pool.jobs import Owner
from wandbsweep.pool.retaking import wants_retake
from wandbsweep.pool.slots import wants_busy
from wandbsweep.pool.status import of_object
from wandbsweep.sweep.searching import engine_of

if TYPE_CHECKING:
    from wandbsweep.controller.ended_pods import EndedPods
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.controller.readings import Readings
    from wandbsweep.pool.jobs import Runtime
    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.tracking.protocol import Account, SweepTracker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observation:
    """A snapshot, with what its execution needs besides: the body as it was read, and the W&B account."""

    body: dict[str, Any]
    snapshot: Snapshot
    account: Account | None


@dataclass(frozen=True)
class _Pool:
    """What there is of an object's Jobs and pods."""

    jobs: tuple[AgentJob, ...] = ()
    pods: tuple[AgentPod, ...] = ()
    search: tuple[SearchJob, ...] = ()
    warm_ups: tuple[WarmUpJob, ...] = ()


class Observer:
    """Reads the object, its Jobs and pods, what it refers to, and its sweep on W&B."""

    def __init__(
        self, kube: KubeApi, tracker: SweepTracker, readings: Readings, ended_pods: EndedPods, runtime: Runtime
    ) -> None:
        self._kube = kube
        self._look = WandbLook(kube, tracker, readings, runtime)
        self._searched = SearchedSweeps(kube)
        self._ended_pods = ended_pods
        self._runtime = runtime

    async def observe(self, key: ObjectKey) -> Observation | None:
        """The facts of this moment; None if the object is gone, or another controller's.

        Raises KubeError if the API server does not answer.
        """
        try:
            body = await self._kube.get(sweeps_path(*key))
        except NotFoundError:
            return None
        spec = WandbSweepSpec.model_validate(body["spec"])
        if spec.managed_by not in {None, labels.OPERATOR}:
            return None
        seen = await self._kubernetes_side(key, body, spec)
        wandb = await self._wandb_side(seen)
        snapshot = replace(
            seen,
            wandb_problem=wandb.problem,
            reading=wandb.reading,
            sweep_missing=wandb.missing,
            scheduler_unsupported=wandb.no_scheduler,
            now=_now(),
        )
        if wants_busy(snapshot):
            snapshot = replace(snapshot, busy=await self._look.at_agents(snapshot, wandb.account))
        return Observation(body, snapshot, wandb.account)

    async def _kubernetes_side(self, key: ObjectKey, body: dict[str, Any], spec: WandbSweepSpec) -> Snapshot:
        metadata, status = body["metadata"], read_status(body)
        owner = Owner(key.namespace, key.name, metadata["uid"], metadata.get("labels") or {})
        pool = await self._pool(owner, kube_facts.read_time(metadata.get("creationTimestamp")))
        seen = Snapshot(
            namespace=key.namespace,
            name=key.name,
            uid=owner.uid,
            generation=metadata["generation"],
            spec=spec,
            status=status,
            now=_now(),
            labels=owner.labels,
            deleted_at=kube_facts.read_time(metadata.get("deletionTimestamp")),
            has_finalizer=labels.FINALIZER in metadata.get("finalizers", []),
            intent=read_intent(metadata),
            jobs=pool.jobs,
            pods=pool.pods,
            search=pool.search,
            warm_ups=pool.warm_ups,
        )
        definition, problem = await self._definition(seen)
        seen = replace(seen, definition=definition, definition_problem=problem)
        if seen.deleted_at or (seen.terminal and not wants_retake(seen)):
            return seen
        searched, lost = await self._searched.read(seen)
        return replace(seen, searched=searched, searched_problem=lost)

    async def _pool(self, owner: Owner, since: datetime | None) -> _Pool:
        """The Jobs and their pods, and agents' pods that ended and are gone since the last pass."""
        ended = self._ended_pods.of(ObjectKey(owner.namespace, owner.name), since=since)
        marked = of_object(owner.name)
        jobs = await self._kube.list_all(jobs_path(owner.namespace), marked)
        if not jobs:
            return _Pool(pods=ended)
        pods = await self._kube.list_all(core_path(owner.namespace, "pods"), marked)
        ours = [job for job in jobs if _owned_by(job, owner.uid)]
        agents = [agent for job in ours if is_agent(job) and (agent := kube_facts.agent_job(job))]
        searches = [search for job in ours if is_search(job) and (search := read_search_job(job, pods))]
        warm_ups = [warm_up for job in ours if is_warm_up(job) and (warm_up := read_warm_up_job(job, pods))]
        names = {agent.name for agent in agents}
        facts = [kube_facts.agent_pod(pod) for pod in pods if is_agent(pod)]
        there = [pod for pod in facts if pod.job_name in names]
        uids = {pod.uid for pod in there}
        present = (*there, *(pod for pod in ended if pod.uid not in uids))
        return _Pool(tuple(agents), present, tuple(searches), tuple(warm_ups))

    async def _definition(self, seen: Snapshot) -> tuple[SweepDefinition | None, Problem | None]:
        """What is to be swept, until it is on W&B and this generation of the object was found sound."""
        checked = was_checked(seen.status, seen.generation)
        if seen.terminal or (seen.deleted_at and (seen.path or not seen.intent)) or (seen.path and checked):
            return None, None
        if lacking := licence_problem(seen.spec):
            return None, lacking
        definition = None
        if seen.spec.sweep_id is None:
            answer = await read_sweep(self._kube, seen.namespace, seen.spec)
            if isinstance(answer, Problem):
                return None, answer
            definition = answer
        if checked:
            return definition, None
        owner = Owner(seen.namespace, seen.name, seen.uid, seen.labels)
        return definition, await check_templates(self._kube, self._runtime, owner, seen.spec, definition)

    async def _wandb_side(self, seen: Snapshot) -> WandbSide:
        """Nothing is asked of W&B for an object that is over and has no agents, or that cannot become a sweep as it is.

        The last agents of a sweep that is over may still say why their runs ended.
        """
        if seen.terminal and (seen.deleted_at or not (seen.jobs or unsettled(seen))):
            return WandbSide()
        if not (seen.path or (seen.intent if seen.deleted_at else seen.definition_problem is None)):
            return WandbSide()
        wandb = await self._look.at_sweep(seen)
        return await self._look.at_scheduler(seen, wandb) if needs_scheduler(seen) else wandb

    def learn(self, uid: str, problem: Problem | None) -> None:
        """What a write to W&B ran into. Only a server that asks for fewer requests is left alone for it."""
        if problem and problem.reason is Reason.RATE_LIMITED:
            self._look.was_asked_for_patience(uid, problem)

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._look.forget(uid)
        self._searched.forget(uid)


def read_status(body: dict[str, Any]) -> WandbSweepStatus:
    """The status as it was last written; an unreadable one (edited by hand) is worked out anew."""
    try:
        return WandbSweepStatus.model_validate(body.get("status") or {})
    except ValidationError:
        log.warning("The status cannot be read and is worked out anew")
        return WandbSweepStatus()


def needs_scheduler(seen: Snapshot) -> bool:
    """Whether a sweep with a search of its own is to be created now, or takes the place of one."""
    definition = seen.definition
    if definition is None or seen.definition_problem or seen.deleted_at or engine_of(definition) is None:
        return False
    return seen.path is None or differs(seen)


def _owned_by(job: dict[str, Any], uid: str) -> bool:
    return any(reference.get("uid") == uid for reference in job["metadata"].get("ownerReferences", []))


def _now() -> datetime:
    return datetime.now(timezone.utc)
