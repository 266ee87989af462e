"""Looks at W&B for one pass: the sweep when a look is due, and who works when somebody has to go."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from wandbsweep.api.reasons import Reason
from wandbsweep.controller.accounts import read_account
from wandbsweep.controller.troubles import Troubles
from wandbsweep.pool import polling
from wandbsweep.pool.facts import Problem, Snapshot, SweepReading
from wandbsweep.pool.gpu_hours import unsettled
from wandbsweep.pool.retries import ended_since
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.errors import TrackingError
from wandbsweep.tracking.server_features import LOCAL_SCHEDULER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.api.spec import WandbSweepSpec
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.controller.readings import Readings
    from wandbsweep.pool.jobs import Runtime
    from wandbsweep.tracking.protocol import Account, SweepTracker

BELIEVED_AFTER: Final = timedelta(seconds=15)  # how long W&B has to deny a sweep that it had before that counts
BUSY_PATIENCE_SECONDS: Final = 5.0  # who has to go waits no longer for W&B to say who works

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WandbSide:
    """What a look came to; empty where none was due."""

    account: Account | None = None
    problem: Problem | None = None
    reading: SweepReading | None = None
    missing: bool = False
    no_scheduler: Problem | None = None


class WandbLook:
    """Looks with the account of the object, whose key is read anew each time that it is needed."""

    def __init__(self, kube: KubeApi, tracker: SweepTracker, readings: Readings, runtime: Runtime) -> None:
        self._kube = kube
        self._tracker = tracker
        self._readings = readings
        self._troubles = Troubles()
        self._runtime = runtime

    async def at_sweep(self, seen: Snapshot) -> WandbSide:
        """The sweep, or only the server and the key where there is none yet."""
        known, spec = seen.path, seen.spec
        last = self._readings.last(seen.uid, known) if known else None
        if last and seen.deleted_at is None and not self._is_due(last, seen):
            return WandbSide(reading=last)
        if trouble := self._troubles.fresh(seen.uid, _now()):
            return WandbSide(problem=trouble, reading=last)
        account = await read_account(self._kube, self._runtime, seen.namespace, spec)
        if isinstance(account, Problem):
            return WandbSide(problem=account, reading=last)
        try:
            path = known or await self._path_to_join(account, spec)
            if path is None:
                # Before anything is recorded on the object: is the server there, and does it know the key?
                await self._tracker.resolve_entity(account)
                return WandbSide(account)
            reading = await self._readings.read(seen.uid, account, path, _now())
        except TrackingError as error:
            problem = as_problem(error)
            self._troubles.note(seen.uid, problem, _now())
            return WandbSide(account, problem=problem, reading=last)
        if reading is None:
            # A key that may no longer see the project looks the same for a moment; agents are not ended for that.
            gone = known is None or self._readings.missing_for(seen.uid, path, _now()) >= BELIEVED_AFTER
            return WandbSide(account, reading=last, missing=gone)
        return WandbSide(account, reading=reading)

    async def at_scheduler(self, seen: Snapshot, wandb: WandbSide) -> WandbSide:
        """Whether the server takes runs from a search beside it, added to what is known of it."""
        if wandb.problem:
            return wandb
        account = wandb.account or await read_account(self._kube, self._runtime, seen.namespace, seen.spec)
        if isinstance(account, Problem):
            return replace(wandb, problem=account)
        try:
            features = await self._tracker.features(account)
        except TrackingError as error:
            problem = as_problem(error)
            self._troubles.note(seen.uid, problem, _now())
            return replace(wandb, account=account, problem=problem)
        lacking = None if LOCAL_SCHEDULER in features else _no_scheduler(account)
        return replace(wandb, account=account, no_scheduler=lacking)

    def was_asked_for_patience(self, uid: str, problem: Problem) -> None:
        """A write was refused for now: looks would be, too."""
        self._troubles.note(uid, problem, _now())

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._troubles.forget(uid)

    async def at_agents(self, snapshot: Snapshot, account: Account | None) -> Mapping[str, datetime] | None:
        """Since when the agent of each pod has its run; None if W&B does not say."""
        hosts = [pod.name for pod in snapshot.pods if pod.started_at and not pod.ended_at]
        if snapshot.path is None or not hosts or snapshot.wandb_problem:
            return None
        found = account or await read_account(self._kube, self._runtime, snapshot.namespace, snapshot.spec)
        if isinstance(found, Problem):
            return None
        try:
            async with asyncio.timeout(BUSY_PATIENCE_SECONDS):
                agents = await self._tracker.agents(found, snapshot.path, hosts=hosts)
        except (TrackingError, TimeoutError) as error:
            log.info("W&B does not say which agents work: %s", error, extra={"sweep": str(snapshot.path)})
            return None
        return {agent.host: agent.busy_since or snapshot.now for agent in agents if agent.run_id is not None}

    def _is_due(self, last: SweepReading, seen: Snapshot) -> bool:
        return self._readings.is_outdated(seen.uid, last.path) or reading_is_due(last, seen, _now())

    async def _path_to_join(self, account: Account, spec: WandbSweepSpec) -> SweepPath | None:
        if spec.sweep_id is None or spec.project is None:
            return None
        entity = spec.entity or await self._tracker.resolve_entity(account)
        return SweepPath(entity, spec.project, spec.sweep_id)


def reading_is_due(last: SweepReading, seen: Snapshot, now: datetime) -> bool:
    """Whether to look at W&B again: at the poll's time, and after an agent or a search ended."""
    ends = [job.finished_at for job in seen.jobs] + [search.finished_at for search in seen.search]
    ends += [pod.ended_at for pod in unsettled(seen)]
    return now >= polling.next_poll(last) or any(ended_since(end, last.read_at) for end in ends)


def as_problem(error: TrackingError) -> Problem:
    """An error of the W&B server as the reason that its condition shows."""
    retry_after = timedelta(seconds=error.retry_after_seconds) if error.retry_after_seconds else None
    return Problem(Reason.of(error.reason), str(error), retry_after)


def _no_scheduler(account: Account) -> Problem:
    return Problem(
        Reason.SCHEDULER_UNSUPPORTED,
        f"The W&B server at {account.base_url} takes no runs from a search beside it: it lacks the feature "
        f"{LOCAL_SCHEDULER}. Use a newer server, the embedded one, or method grid, random or bayes, which W&B's "
        "server searches itself",
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)
