"""Apply: carry out a plan, action by action, and say what came of it.

What concerns the object and W&B is done in the plan's order, then Jobs are taken down, then others are started.
Trouble with W&B ends the first and forbids the last; what has to go, goes all the same and waits for it no longer than
a moment.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api import labels
from wandbsweep.api.reasons import Reason
from wandbsweep.controller.intents import write_intent
from wandbsweep.controller.isaac_changes import WarmUpChanges
from wandbsweep.controller.kube_api import sweeps_path
from wandbsweep.controller.pool_changes import PoolChanges
from wandbsweep.controller.search_changes import SearchChanges
from wandbsweep.controller.wandb_look import as_problem
from wandbsweep.controller.wandb_writes import NoAccountError, WandbWrites
from wandbsweep.pool import actions
from wandbsweep.pool.facts import Intent, Problem
from wandbsweep.pool.outcome import Outcome
from wandbsweep.tracking.errors import ConfigRejected, TrackingError

if TYPE_CHECKING:
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.controller.observing import Observation
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.jobs import Runtime
    from wandbsweep.tracking.protocol import SweepTracker

    OnWandb = (
        actions.CreateSweep
        | actions.AdoptSweep
        | actions.SetSweepState
        | actions.UpdateSweep
        | actions.FindAndStop
        | actions.MarkRun
    )

PATIENCE_SECONDS: Final = 5.0  # how long what has to go waits for a W&B server that does not answer


@dataclass
class _Progress:
    """What was done so far: the object as it is now, and the outcome."""

    body: dict[str, Any]
    outcome: Outcome = field(default_factory=Outcome)


class Applier:
    """Carries out plans against Kubernetes and W&B."""

    def __init__(self, kube: KubeApi, tracker: SweepTracker, runtime: Runtime) -> None:
        self._kube = kube
        self._wandb = WandbWrites(kube, tracker, runtime)
        self._pool = PoolChanges(kube, runtime)
        self._search = SearchChanges(kube, runtime)
        self._warm_up = WarmUpChanges(kube, runtime)

    async def apply(self, observation: Observation, plan: actions.Plan) -> tuple[Outcome, dict[str, Any]]:
        """Carry out the plan; returns its outcome and the object as it is afterwards.

        Raises KubeError if the API server fails, ConflictError if the object changed since it was observed.
        """
        snapshot, progress = observation.snapshot, _Progress(observation.body)
        leaving = [a for a in plan.actions if isinstance(a, actions.RemoveAgent | actions.AskToLeave)]
        ending = [a for a in plan.actions if isinstance(a, actions.RemoveSearch)]
        cooling = [a for a in plan.actions if isinstance(a, actions.RemoveWarmUp)]
        steps = asyncio.create_task(self._carry_out(observation, plan, progress))
        try:
            done, _ = await asyncio.wait({steps}, timeout=PATIENCE_SECONDS if leaving or ending or cooling else None)
            if done:
                steps.result()
            await self._pool.take_down(snapshot, leaving)
            await self._search.take_down(snapshot, ending)
            await self._warm_up.take_down(snapshot, cooling)
            await self._search.tell(snapshot, [a for a in plan.actions if isinstance(a, actions.TellSearch)])
            await steps
        finally:
            steps.cancel()
            await asyncio.gather(steps, return_exceptions=True)
        removed = tuple(action for action in leaving if isinstance(action, actions.RemoveAgent))
        outcome = replace(progress.outcome, removed=removed, removed_search=tuple(ending))
        if outcome.wandb_problem is None:
            outcome = await self._start(snapshot, plan, outcome)
        return outcome, progress.body

    async def _carry_out(self, observation: Observation, plan: actions.Plan, progress: _Progress) -> None:
        try:
            for action in plan.actions:
                await self._do(observation, action, progress)
        except TrackingError as error:
            progress.outcome = replace(progress.outcome, wandb_problem=as_problem(error))
        except NoAccountError as error:
            progress.outcome = replace(progress.outcome, wandb_problem=error.problem)

    async def _do(self, observation: Observation, action: actions.Action, progress: _Progress) -> None:
        snapshot = observation.snapshot
        match action:
            case actions.ClaimObject():
                progress.body = await self._claim(snapshot, progress.body, action)
            case actions.LeaveSweep():
                progress.body = await self._leave(snapshot, progress.body, action)
            case actions.ReleaseObject():
                progress.body = await self._release(snapshot, progress.body)
            case actions.DeleteObject():
                await self._kube.delete(sweeps_path(snapshot.namespace, snapshot.name), uid=snapshot.uid)
            case actions.StartAgent() | actions.RemoveAgent() | actions.AskToLeave():
                pass  # in a step of their own
            case actions.StartWarmUp() | actions.RemoveWarmUp():
                pass  # as these
            case actions.StartSearch() | actions.RemoveSearch() | actions.TellSearch():
                pass  # as these
            case _:
                progress.outcome = await self._do_on_wandb(observation, action, progress.outcome)

    async def _do_on_wandb(self, observation: Observation, action: OnWandb, outcome: Outcome) -> Outcome:
        try:
            match action:
                case actions.CreateSweep():
                    return replace(outcome, created=await self._wandb.create(observation, action))
                case actions.AdoptSweep():
                    return replace(outcome, created=await self._wandb.adopt(observation, action))
                case actions.MarkRun():
                    await self._wandb.mark_run(observation, action)
                    return outcome
                case actions.SetSweepState():
                    await self._wandb.set_state(observation, action)
                case actions.UpdateSweep():
                    await self._wandb.update(observation, action)
                case actions.FindAndStop():
                    await self._wandb.find_and_stop(observation, action)
        except ConfigRejected as error:
            return replace(outcome, create_problem=Problem(Reason.SWEEP_REJECTED, str(error)))
        return replace(outcome, on_wandb=(*outcome.on_wandb, action))

    async def _claim(self, snapshot: Snapshot, body: dict[str, Any], action: actions.ClaimObject) -> dict[str, Any]:
        finalizers = body["metadata"].get("finalizers", [])
        wanted = finalizers if labels.FINALIZER in finalizers else [*finalizers, labels.FINALIZER]
        claim: dict[str, Any] = {"finalizers": wanted}
        if action.token is not None:
            claim |= _record(snapshot, Intent(snapshot.now, action.token))
        return await self._patch_metadata(snapshot, body, claim)

    async def _leave(self, snapshot: Snapshot, body: dict[str, Any], action: actions.LeaveSweep) -> dict[str, Any]:
        record = _record(snapshot, Intent(snapshot.now, action.token, leaving=True))
        return await self._patch_metadata(snapshot, body, record)

    async def _release(self, snapshot: Snapshot, body: dict[str, Any]) -> dict[str, Any]:
        finalizers = body["metadata"].get("finalizers", [])
        others = [finalizer for finalizer in finalizers if finalizer != labels.FINALIZER]
        return await self._patch_metadata(snapshot, body, {"finalizers": others})

    async def _patch_metadata(self, snapshot: Snapshot, body: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
        path = sweeps_path(snapshot.namespace, snapshot.name)
        version = body["metadata"]["resourceVersion"]
        return await self._kube.merge_patch(path, {"metadata": {"resourceVersion": version, **change}})

    async def _start(self, snapshot: Snapshot, plan: actions.Plan, outcome: Outcome) -> Outcome:
        search = next((action for action in plan.actions if isinstance(action, actions.StartSearch)), None)
        answer = await self._search.start(snapshot, search) if search else None
        caches = next((action for action in plan.actions if isinstance(action, actions.StartWarmUp)), None)
        warmed = await self._warm_up.start(snapshot, caches) if caches else None
        starts = [action for action in plan.actions if isinstance(action, actions.StartAgent)]
        answers = await self._pool.start(snapshot, starts)
        refusals = [answer for answer in (warmed, *answers) if isinstance(answer, Problem)]
        return replace(
            outcome,
            search_problem=answer if isinstance(answer, Problem) else None,
            started_search=answer if isinstance(answer, str) else None,
            started_warm_up=warmed if isinstance(warmed, str) else None,
            started=tuple(answer for answer in answers if isinstance(answer, str)),
            agents_problem=refusals[0] if refusals else None,
        )


def _record(snapshot: Snapshot, intent: Intent) -> dict[str, Any]:
    return {"annotations": {labels.SWEEP_INTENT_ANNOTATION: write_intent(snapshot.uid, intent)}}
