"""Carries out what a plan wants changed on W&B, with the account of the object."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wandbsweep.agent.causes import node_tag
from wandbsweep.api.reasons import Reason
from wandbsweep.controller.accounts import read_account
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.outcome import CreatedSweep
from wandbsweep.tracking.errors import SweepMissing

if TYPE_CHECKING:
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.controller.observing import Observation
    from wandbsweep.pool.actions import (
        AdoptSweep,
        CreateSweep,
        FindAndStop,
        MarkRun,
        SetSweepState,
        UpdateSweep,
    )
    from wandbsweep.pool.jobs import Runtime
    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.protocol import Account, SettableState, SweepTracker

log = logging.getLogger(__name__)


class NoAccountError(Exception):
    """The object's API key cannot be read now; the problem says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class WandbWrites:
    """The writes to W&B. Each raises TrackingError, or NoAccountError where the key went away since the last look."""

    def __init__(self, kube: KubeApi, tracker: SweepTracker, runtime: Runtime) -> None:
        self._kube = kube
        self._tracker = tracker
        self._runtime = runtime

    async def create(self, observation: Observation, action: CreateSweep) -> CreatedSweep:
        """Create the sweep, unless an earlier attempt is found to have done so."""
        if action.look_up_first and (found := await self.adopt(observation, action)):
            return found
        account = await self._account(observation)
        made = await self._tracker.create(account, entity=action.entity, project=action.project, config=action.config)
        for warning in made.warnings:
            log.warning("W&B says of the sweep %s: %s", made.path, warning)
        return CreatedSweep(made.path, made.url, Reason.CREATED, action.token)

    async def adopt(self, observation: Observation, action: CreateSweep | AdoptSweep) -> CreatedSweep | None:
        """The sweep that an earlier attempt created, if there is one."""
        account = await self._account(observation)
        found = await self._tracker.find(account, entity=action.entity, project=action.project, marker=action.marker)
        return CreatedSweep(found.path, found.url, Reason.ADOPTED, action.token) if found else None

    async def set_state(self, observation: Observation, action: SetSweepState) -> None:
        """Pause, resume, stop, cancel or revive a sweep; one that is gone has come to rest."""
        account = await self._account(observation)
        await self._set_state(account, action.path, action.state, revive=action.revive)

    async def find_and_stop(self, observation: Observation, action: FindAndStop) -> None:
        """Stop or cancel the sweep of an attempt that nobody wants any more, if it came to be."""
        account = await self._account(observation)
        found = await self._tracker.find(account, entity=action.entity, project=action.project, marker=action.marker)
        if found:
            await self._set_state(account, found.path, action.state)

    async def update(self, observation: Observation, action: UpdateSweep) -> None:
        """Change run cap, name or description. Raises ConfigRejected too; a sweep that is gone needs none of them."""
        try:
            await self._tracker.update(await self._account(observation), action.path, action.config)
        except SweepMissing:
            log.info("The sweep %s was deleted on W&B: there is nothing to update", action.path)

    async def mark_run(self, observation: Observation, action: MarkRun) -> None:
        """Say why a run ended, for a container that could not do so itself."""
        account = await self._account(observation)
        tags = (action.cause.tag, *((node_tag(action.node),) if action.node else ()))
        try:
            run = await self._tracker.tag_current_run(
                account, action.path, action.host, tags, ended_before=action.ended_at
            )
        except SweepMissing:
            return
        if run is None:
            log.info("The agent on %s had no run when it was killed: none is marked %s", action.host, action.cause)
        else:
            log.info(
                "Marked the run of the agent on %s, which was killed: %s", action.host, action.cause, extra={"run": run}
            )

    async def _set_state(
        self, account: Account, path: SweepPath, state: SettableState, *, revive: bool = False
    ) -> None:
        try:
            await self._tracker.set_state(account, path, state, revive=revive)
        except SweepMissing:
            log.info("The sweep %s was deleted on W&B: it cannot become %s", path, state)

    async def _account(self, observation: Observation) -> Account:
        """A pass that had no need to look at W&B did not read the key."""
        if observation.account is not None:
            return observation.account
        snapshot = observation.snapshot
        account = await read_account(self._kube, self._runtime, snapshot.namespace, snapshot.spec)
        if isinstance(account, Problem):
            raise NoAccountError(account)
        return account
