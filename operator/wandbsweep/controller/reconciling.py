"""One pass over one object: observe, plan, apply, one status write, Events."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.controller import events, logs
from wandbsweep.controller.kube_api import ConflictError, NotFoundError, sweeps_path
from wandbsweep.controller.object_loops import ObjectKey, PassResult
from wandbsweep.pool import actions
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.status import next_status

if TYPE_CHECKING:
    from wandbsweep.api.status import WandbSweepStatus
    from wandbsweep.controller.applying import Applier
    from wandbsweep.controller.ended_pods import EndedPods
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.controller.metrics import Metrics
    from wandbsweep.controller.observing import Observation, Observer
    from wandbsweep.controller.readings import Readings
    from wandbsweep.controller.recorder import Recorder
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.outcome import Outcome

AT_ONCE: Final = timedelta()  # what was planned was overtaken by a change: look again

log = logging.getLogger(__name__)


class Reconciler:
    """Brings objects, one pass at a time, to what their spec says."""

    def __init__(
        self,
        *,
        kube: KubeApi,
        observer: Observer,
        applier: Applier,
        recorder: Recorder,
        readings: Readings,
        ended_pods: EndedPods,
        metrics: Metrics,
    ) -> None:
        self._kube = kube
        self._observer = observer
        self._applier = applier
        self._recorder = recorder
        self._readings = readings
        self._ended_pods = ended_pods
        self._metrics = metrics
        self._seen: dict[ObjectKey, Snapshot] = {}

    async def reconcile(self, key: ObjectKey) -> PassResult:
        """One pass. Raises KubeError if the API server fails; the pass is then tried again."""
        with self._metrics.reconciling():
            observation = await self._observer.observe(key)
            if observation is None:
                self._forget(key)
                return PassResult(gone=True)
            self._seen[key] = observation.snapshot
            with logs.about(sweep=observation.snapshot.status.sweep_path):
                try:
                    return await self._carry_out(observation)
                except (ConflictError, NotFoundError) as error:
                    log.debug("Changed during the pass: %s", error)
                    return PassResult(AT_ONCE)

    async def _carry_out(self, observation: Observation) -> PassResult:
        snapshot = observation.snapshot
        plan = make_plan(snapshot)
        outcome, body = await self._applier.apply(observation, plan)
        for action in plan.actions:  # one that failed may have been carried out all the same
            if isinstance(action, actions.SetSweepState | actions.UpdateSweep):
                self._readings.outdate(snapshot.uid, action.path)
        if snapshot.deleted_at is not None and outcome.wandb_problem and snapshot.wandb_problem is None:
            # W&B answers and does not do what it is asked: that is not waited for without end either.
            told = replace(snapshot, wandb_problem=outcome.wandb_problem)
            return await self._carry_out(replace(observation, snapshot=told, body=body))
        if snapshot.deleted_at is not None:
            await self._recorder.send(snapshot, _farewell(snapshot, plan, outcome))
            return PassResult(plan.look_again)
        if any(isinstance(action, actions.DeleteObject) for action in plan.actions):
            await self._recorder.send(snapshot, events.of_plan(snapshot, plan))
            return PassResult(AT_ONCE)
        verdict = None if outcome.wandb_problem else plan.verdict
        status = next_status(snapshot, outcome, verdict)
        await self._write(snapshot, body, status)
        self._ended_pods.settle(ObjectKey(snapshot.namespace, snapshot.name), status.settled_pods)
        self._metrics.keep(snapshot.uid, status)
        with logs.about(sweep=status.sweep_path):
            await self._recorder.send(snapshot, events.of_pass(snapshot, plan, outcome, status))
        # A new sweep is a new situation: its first agents need not wait for the watch to report the status.
        return PassResult(AT_ONCE if status.sweep_id and not snapshot.status.sweep_id else plan.look_again)

    async def _write(self, snapshot: Snapshot, body: dict[str, Any], status: WandbSweepStatus) -> None:
        new = status.model_dump(by_alias=True, exclude_none=True, mode="json")
        if new == body.get("status"):
            return
        path = sweeps_path(snapshot.namespace, snapshot.name)
        await self._kube.replace_status(path, body["metadata"]["resourceVersion"], new)
        if status.sweep_id and not snapshot.status.sweep_id:
            log.info("The sweep is on W&B", extra={"sweep": status.sweep_path})

    def _forget(self, key: ObjectKey) -> None:
        self._ended_pods.forget(key)
        last = self._seen.pop(key, None)
        if last is None:
            return
        self._observer.forget(last.uid)
        self._recorder.forget(last.uid)
        self._metrics.forget(last.uid)
        if last.path:
            self._readings.forget(last.uid, last.path)


def _farewell(snapshot: Snapshot, plan: actions.Plan, outcome: Outcome) -> list[events.Event]:
    """What to tell of an object that goes, once the pass that lets it go has succeeded."""
    release = next((action for action in plan.actions if isinstance(action, actions.ReleaseObject)), None)
    stop = next((a for a in plan.actions if isinstance(a, actions.SetSweepState | actions.FindAndStop)), None)
    if release is None or outcome.wandb_problem or (snapshot.terminal and not stop and not release.gave_up):
        return []
    return [events.of_deletion(snapshot, stop.state if stop else None, release.gave_up)]
