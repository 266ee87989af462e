"""Carries out what a plan wants changed about the warm-up of caches: its Job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandbsweep.api.reasons import Reason
from wandbsweep.controller.kube_api import ConflictError, RefusedError, jobs_path
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.isaac_warm_up_job import warm_up_job
from wandbsweep.pool.jobs import Owner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.pool.actions import RemoveWarmUp, StartWarmUp
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.jobs import Runtime


class WarmUpChanges:
    """The writes to warm-up Jobs. Raises KubeError if the API server fails."""

    def __init__(self, kube: KubeApi, runtime: Runtime) -> None:
        self._kube = kube
        self._runtime = runtime

    async def take_down(self, snapshot: Snapshot, ending: Iterable[RemoveWarmUp]) -> None:
        """Remove warm-ups; a Job with a running pod stays until the pod is gone, and with it its GPU."""
        for action in ending:
            await self._kube.delete(jobs_path(snapshot.namespace, action.job_name), foreground=action.running)

    async def start(self, snapshot: Snapshot, action: StartWarmUp) -> str | Problem | None:
        """The name of the new Job; None if that was there already; a problem if it was refused."""
        owner = Owner(snapshot.namespace, snapshot.name, snapshot.uid, snapshot.labels)
        job = warm_up_job(owner, snapshot.spec, self._runtime, action.path, attempt=action.attempt)
        try:
            await self._kube.create(jobs_path(snapshot.namespace), job)
        except ConflictError:
            return None
        except RefusedError as error:
            return Problem(Reason.AGENT_REJECTED, f"The API server refuses the warm-up's Job: {error}")
        return str(job["metadata"]["name"])
