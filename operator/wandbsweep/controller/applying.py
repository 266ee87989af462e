"""Apply: carry out a plan, action by action, and say what came of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api import labels
from wandbsweep.api.reasons import Reason
from wandbsweep.controller.intents import write_intent
from wandbsweep.controller.kube_api import ConflictError, RefusedError, jobs_path, sweeps_path
from wandbsweep.controller.observing import as_problem
from wandbsweep.pool import actions
from wandbsweep.pool.facts import Intent, Problem
from wandbsweep.pool.jobs import Owner, agent_job
from wandbsweep.pool.outcome import CreatedSweep, Outcome
from wandbsweep.tracking.errors import ConfigRejected, SweepMissing, TrackingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.controller.observing import Observation
    from wandbsweep.pool.actions import (
        Action,
        AdoptSweep,
        ClaimObject,
        CreateSweep,
        FindAndStop,
        RemoveAgent,
        SetSweepState,
        StartAgent,
    )
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.jobs import Runtime
    from wandbsweep.tracking.protocol import Account, SweepTracker

AT_ONCE: Final = 32  # more requests in flight add latency at the API server, not throughput

log = logging.getLogger(__name__)


class Applier:
    """Carries out plans against Kubernetes and W&B."""

    def __init__(self, kube: KubeApi, tracker: SweepTracker, runtime: Runtime) -> None:
        self._kube = kube
        self._tracker = tracker
        self._runtime = runtime

    async def apply(self, observation: Observation, plan: actions.Plan) -> tuple[Outcome, dict[str, Any]]:
        """Carry out the plan; returns its outcome and the object as it is afterwards.

        Raises KubeError if the API server fails, ConflictError if the object changed since it was observed.
        """
        body, outcome = observation.body, Outcome()
        try:
            for action in plan.actions:
                match action:
                    case actions.ClaimObject():
                        body = await self._claim(observation, action)
                    case actions.ReleaseObject():
                        body = await self._release(observation)
                    case actions.CreateSweep():
                        outcome = replace(outcome, created=await self._create(observation, action))
                    case actions.AdoptSweep():
                        outcome = replace(outcome, created=await self._adopt(observation, action))
                    case actions.SetSweepState() | actions.FindAndStop():
                        await self._bring_to_rest(observation, action)
                        outcome = replace(outcome, on_wandb=(*outcome.on_wandb, action))
                    case actions.StartAgent() | actions.RemoveAgent():
                        continue  # together, below
        except ConfigRejected as error:
            return replace(outcome, create_problem=Problem(Reason.SWEEP_REJECTED, str(error))), body
        except TrackingError as error:
            return replace(outcome, wandb_problem=as_problem(error)), body
        return await self._change_pool(observation.snapshot, plan.actions, outcome), body

    async def _claim(self, observation: Observation, action: ClaimObject) -> dict[str, Any]:
        snapshot, metadata = observation.snapshot, observation.body["metadata"]
        finalizers = metadata.get("finalizers", [])
        wanted = finalizers if labels.FINALIZER in finalizers else [*finalizers, labels.FINALIZER]
        claim: dict[str, Any] = {"finalizers": wanted}
        if action.token is not None:
            intent = write_intent(snapshot.uid, Intent(snapshot.now, action.token))
            claim["annotations"] = {labels.SWEEP_INTENT_ANNOTATION: intent}
        return await self._patch_metadata(observation, claim)

    async def _release(self, observation: Observation) -> dict[str, Any]:
        finalizers = observation.body["metadata"].get("finalizers", [])
        return await self._patch_metadata(observation, {"finalizers": [f for f in finalizers if f != labels.FINALIZER]})

    async def _patch_metadata(self, observation: Observation, change: dict[str, Any]) -> dict[str, Any]:
        path = sweeps_path(observation.snapshot.namespace, observation.snapshot.name)
        version = observation.body["metadata"]["resourceVersion"]
        return await self._kube.merge_patch(path, {"metadata": {"resourceVersion": version, **change}})

    async def _create(self, observation: Observation, action: CreateSweep) -> CreatedSweep:
        account = _account(observation)
        if action.look_up_first and (found := await self._adopt(observation, action)):
            return found
        made = await self._tracker.create(account, entity=action.entity, project=action.project, config=action.config)
        for warning in made.warnings:
            log.warning("W&B says of the sweep %s: %s", made.path, warning)
        return CreatedSweep(made.path, made.url, Reason.CREATED, action.token)

    async def _adopt(self, observation: Observation, action: CreateSweep | AdoptSweep) -> CreatedSweep | None:
        account, text = _account(observation), action.marker
        found = await self._tracker.find(account, entity=action.entity, project=action.project, marker=text)
        return CreatedSweep(found.path, found.url, Reason.ADOPTED, action.token) if found else None

    async def _bring_to_rest(self, observation: Observation, action: SetSweepState | FindAndStop) -> None:
        account = _account(observation)
        if isinstance(action, actions.SetSweepState):
            path = action.path
        else:
            text = action.marker
            found = await self._tracker.find(account, entity=action.entity, project=action.project, marker=text)
            if found is None:
                return
            path = found.path
        try:
            await self._tracker.set_state(account, path, action.state)
        except SweepMissing:
            log.info("The sweep %s was deleted on W&B: there is nothing to stop", path)

    async def _change_pool(self, snapshot: Snapshot, planned: Iterable[Action], outcome: Outcome) -> Outcome:
        removals = [action for action in planned if isinstance(action, actions.RemoveAgent)]
        starts = [action for action in planned if isinstance(action, actions.StartAgent)]
        permits = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._remove(snapshot, action, permits) for action in removals))
        names = await asyncio.gather(*(self._start(snapshot, action, permits) for action in starts))
        refusals = [name for name in names if isinstance(name, Problem)]
        return replace(
            outcome,
            started=tuple(name for name in names if isinstance(name, str)),
            removed=tuple(removals),
            agents_problem=refusals[0] if refusals else None,
        )

    async def _remove(self, snapshot: Snapshot, action: RemoveAgent, permits: asyncio.Semaphore) -> None:
        async with permits:
            await self._kube.delete(jobs_path(snapshot.namespace, action.job_name))

    async def _start(self, snapshot: Snapshot, action: StartAgent, permits: asyncio.Semaphore) -> str | Problem | None:
        """The name of the new Job; None if it was there already; a problem if the API server will not have it."""
        owner = Owner(snapshot.namespace, snapshot.name, snapshot.uid)
        job = agent_job(owner, snapshot.spec, self._runtime, action.path, slot=action.slot, attempt=action.attempt)
        async with permits:
            try:
                await self._kube.create(jobs_path(snapshot.namespace), job)
            except ConflictError:
                return None
            except RefusedError as error:
                return Problem(Reason.AGENT_REJECTED, f"The API server refuses the agent's Job: {error}")
        return str(job["metadata"]["name"])


def _account(observation: Observation) -> Account:
    if observation.account is None:
        raise AssertionError("a plan that needs W&B was made without an account")
    return observation.account
