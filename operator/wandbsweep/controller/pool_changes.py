"""Carries out what a plan wants changed in the pool: agents that leave, go and start, many at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api import labels
from wandbsweep.api.reasons import Reason
from wandbsweep.controller.kube_api import ConflictError, NotFoundError, RefusedError, core_path, jobs_path
from wandbsweep.pool.actions import AskToLeave, RemoveAgent, StartAgent
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.jobs import Owner, agent_job

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence

    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.jobs import Runtime

AT_ONCE: Final = 32  # more requests in flight add latency at the API server, not throughput


class PoolChanges:
    """The writes to agent Jobs and their pods. Raises KubeError if the API server fails."""

    def __init__(self, kube: KubeApi, runtime: Runtime) -> None:
        self._kube = kube
        self._runtime = runtime

    async def take_down(self, snapshot: Snapshot, leaving: Iterable[RemoveAgent | AskToLeave]) -> None:
        """Remove agents, and ask others to leave after their run."""
        await _together(
            self._remove(snapshot, action) if isinstance(action, RemoveAgent) else self._ask(snapshot, action)
            for action in leaving
        )

    async def start(self, snapshot: Snapshot, starts: Iterable[StartAgent]) -> Sequence[str | Problem | None]:
        """For each agent the name of its new Job; None if that was there already; a problem if it was refused."""
        return await _together(self._start(snapshot, action) for action in starts)

    async def _remove(self, snapshot: Snapshot, action: RemoveAgent) -> None:
        """A Job with a running pod stays until the pod is gone, and with it the slot and the pod's last words."""
        await self._kube.delete(jobs_path(snapshot.namespace, action.job_name), foreground=action.running)

    async def _ask(self, snapshot: Snapshot, action: AskToLeave) -> None:
        note = {"metadata": {"annotations": {labels.LEAVE_ANNOTATION: labels.LEAVE_AFTER_RUN}}}
        try:
            await self._kube.merge_patch(core_path(snapshot.namespace, "pods", action.pod_name), note)
        except NotFoundError:
            return  # it left on its own

    async def _start(self, snapshot: Snapshot, action: StartAgent) -> str | Problem | None:
        owner = Owner(snapshot.namespace, snapshot.name, snapshot.uid, snapshot.labels)
        job = agent_job(
            owner,
            snapshot.spec,
            self._runtime,
            action.path,
            slot=action.slot,
            attempt=action.attempt,
            metric=action.metric,
            avoid=action.avoid,
            unwelcome=action.unwelcome,
        )
        try:
            await self._kube.create(jobs_path(snapshot.namespace), job)
        except ConflictError:
            return None
        except RefusedError as error:
            return Problem(Reason.AGENT_REJECTED, f"The API server refuses the agent's Job: {error}")
        return str(job["metadata"]["name"])


async def _together(calls: Iterable[Coroutine[Any, Any, Any]]) -> Sequence[Any]:
    permits = asyncio.Semaphore(AT_ONCE)

    async def one(call: Coroutine[Any, Any, Any]) -> Any:
        async with permits:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))
