"""Writes the results of an engine into runs on W&B, in the background."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from wandbsweep.tracking.errors import TrackingError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wandbsweep.search.wandb_thread import WandbThread
    from wandbsweep.tracking.search_client import SearchClient

_log = logging.getLogger("wandbsweep.search")

_AT_ONCE = 4
_PAUSES = (10.0, 20.0, None)
"""After each attempt to write a result; none after the last one."""


class RecordedResults:
    """See Results."""

    def __init__(self, thread: WandbThread, client: SearchClient) -> None:
        self._thread = thread
        self._client = client
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._last: dict[str, Future[None]] = {}
        """By run: what was said of it last, and is not written yet."""

    def record(
        self,
        wandb_run_id: str,
        summary: Mapping[str, Any],
        *,
        tags_added: Collection[str] = (),
        tags_removed: Collection[str] = (),
    ) -> None:
        """See Results."""
        before = self._last.get(wandb_run_id)
        writing = self._thread.start(
            self._write(before, wandb_run_id, dict(summary), tuple(tags_added), tuple(tags_removed))
        )
        self._last[wandb_run_id] = writing
        self._last = {run_id: future for run_id, future in self._last.items() if not future.done()}

    def flush(self, seconds: float) -> None:
        """Wait for what was said so far, but no longer than this."""
        wait(list(self._last.values()), timeout=seconds)

    async def _write(
        self,
        before: Future[None] | None,
        run_id: str,
        summary: Mapping[str, Any],
        added: Collection[str],
        removed: Collection[str],
    ) -> None:
        if before is not None:
            with contextlib.suppress(Exception):
                await asyncio.wrap_future(before)
        for pause in _PAUSES:
            async with self._places:
                if await self._written(run_id, summary, added, removed, last=pause is None):
                    return
            await asyncio.sleep(pause or 0.0)

    async def _written(
        self,
        run_id: str,
        summary: Mapping[str, Any],
        added: Collection[str],
        removed: Collection[str],
        *,
        last: bool,
    ) -> bool:
        try:
            await self._client.write_result(run_id, summary, added, removed)
        except TrackingError as error:
            if last:
                _log.warning("the result of run %s was not recorded: %s", run_id, error)
            return False
        return True
