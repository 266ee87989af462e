"""Carries out what a plan wants changed about the search of a sweep: its Job, and what its pod is told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wandbsweep.api import labels
from wandbsweep.api.reasons import Reason
from wandbsweep.controller.kube_api import ConflictError, NotFoundError, RefusedError, core_path, jobs_path
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.jobs import Owner
from wandbsweep.pool.search_job import search_job

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.pool.actions import RemoveSearch, StartSearch, TellSearch
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.jobs import Runtime

log = logging.getLogger(__name__)


class SearchChanges:
    """The writes to search Jobs and their pods. Raises KubeError if the API server fails."""

    def __init__(self, kube: KubeApi, runtime: Runtime) -> None:
        self._kube = kube
        self._runtime = runtime

    async def take_down(self, snapshot: Snapshot, ending: Iterable[RemoveSearch]) -> None:
        """Remove searches; a Job with a running pod stays until the pod is gone, so that no other begins before."""
        for action in ending:
            await self._kube.delete(jobs_path(snapshot.namespace, action.job_name), foreground=action.running)
            if action.running:
                log.info("Removed search %s: %s", action.job_name, action.why)

    async def tell(self, snapshot: Snapshot, told: Iterable[TellSearch]) -> None:
        """Tell searches how many agents there are to be."""
        for action in told:
            note = {"metadata": {"annotations": {labels.AGENT_COUNT_ANNOTATION: str(action.agent_count)}}}
            try:
                await self._kube.merge_patch(core_path(snapshot.namespace, "pods", action.pod_name), note)
            except NotFoundError:
                continue  # it ended meanwhile; the next one is told as it starts

    async def start(self, snapshot: Snapshot, action: StartSearch) -> str | Problem | None:
        """The name of the new Job; None if that was there already; a problem if it was refused."""
        job = search_job(
            Owner(snapshot.namespace, snapshot.name, snapshot.uid),
            snapshot.spec,
            self._runtime,
            action.path,
            order=action.order,
            attempt=action.attempt,
            agent_count=action.agent_count,
        )
        try:
            await self._kube.create(jobs_path(snapshot.namespace), job)
        except ConflictError:
            return None
        except RefusedError as error:
            return Problem(Reason.SEARCH_REJECTED, f"The API server refuses the search's Job: {error}")
        name = str(job["metadata"]["name"])
        log.info("Started search %s by %s", name, action.order.engine)
        return name
