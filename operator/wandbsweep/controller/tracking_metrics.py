"""Measures every call to a W&B server on its way through."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from wandbsweep.tracking.errors import TrackingError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from datetime import datetime

    from wandbsweep.controller.metrics import Metrics
    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.protocol import (
        Account,
        AgentView,
        CreatedSweep,
        SettableState,
        SweepReading,
        SweepTracker,
    )


class MeasuredTracker:
    """A SweepTracker that counts and times another one."""

    def __init__(self, tracker: SweepTracker, metrics: Metrics) -> None:
        self._tracker = tracker
        self._metrics = metrics

    async def create(
        self, account: Account, *, entity: str | None, project: str, config: Mapping[str, Any]
    ) -> CreatedSweep:
        """See SweepTracker."""
        async with self._measured("create"):
            return await self._tracker.create(account, entity=entity, project=project, config=config)

    async def find(self, account: Account, *, entity: str | None, project: str, marker: str) -> CreatedSweep | None:
        """See SweepTracker."""
        async with self._measured("find"):
            return await self._tracker.find(account, entity=entity, project=project, marker=marker)

    async def read(self, account: Account, paths: Sequence[SweepPath]) -> Mapping[SweepPath, SweepReading | None]:
        """See SweepTracker."""
        async with self._measured("read"):
            return await self._tracker.read(account, paths)

    async def set_state(self, account: Account, path: SweepPath, state: SettableState, *, revive: bool = False) -> None:
        """See SweepTracker."""
        async with self._measured("set_state"):
            await self._tracker.set_state(account, path, state, revive=revive)

    async def update(self, account: Account, path: SweepPath, config: Mapping[str, Any]) -> None:
        """See SweepTracker."""
        async with self._measured("update"):
            await self._tracker.update(account, path, config)

    async def agents(
        self, account: Account, path: SweepPath, *, hosts: Collection[str] | None = None
    ) -> tuple[AgentView, ...]:
        """See SweepTracker."""
        async with self._measured("agents"):
            return await self._tracker.agents(account, path, hosts=hosts)

    async def tag_current_run(
        self, account: Account, path: SweepPath, host: str, tags: Sequence[str], *, ended_before: datetime
    ) -> str | None:
        """See SweepTracker."""
        async with self._measured("tag_current_run"):
            return await self._tracker.tag_current_run(account, path, host, tags, ended_before=ended_before)

    async def resolve_entity(self, account: Account) -> str:
        """See SweepTracker."""
        async with self._measured("resolve_entity"):
            return await self._tracker.resolve_entity(account)

    async def features(self, account: Account) -> frozenset[str]:
        """See SweepTracker."""
        async with self._measured("features"):
            return await self._tracker.features(account)

    async def close(self) -> None:
        """See SweepTracker."""
        await self._tracker.close()

    @asynccontextmanager
    async def _measured(self, call: str) -> AsyncIterator[None]:
        started = time.perf_counter()
        try:
            yield
        except TrackingError as error:
            self._metrics.wandb_errors.labels(call=call, reason=error.reason).inc()
            raise
        finally:
            self._metrics.wandb_calls.labels(call=call).observe(time.perf_counter() - started)
