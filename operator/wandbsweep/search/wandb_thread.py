"""A thread with an event loop for the search's own talk with W&B, beside the scheduler, which never waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotInTimeError
from typing import TYPE_CHECKING, Any, TypeVar

from wandbsweep.tracking.errors import TrackingError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Mapping

    from wandbsweep.tracking.search_client import SearchClient

_log = logging.getLogger("wandbsweep.search")
_Result = TypeVar("_Result")

_LONGEST_CALL = 60.0
_PAUSES = (10.0, 20.0, None)
"""After each attempt to write a result; none after the last one."""


class WandbThread:
    """Runs coroutines for threads that wait for them."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wandb calls", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, _Result], *, seconds: float = _LONGEST_CALL) -> _Result:
        """Wait for the result. Raises what the coroutine raises, and Unreachable when it takes too long."""
        future = self.start(work)
        try:
            return future.result(seconds)
        except NotInTimeError:
            future.cancel()
            raise Unreachable(f"W&B did not answer within {seconds:g} s") from None
        except CancelledError:
            raise Unreachable("W&B was not asked: the search is ending") from None

    def start(self, work: Coroutine[Any, Any, _Result]) -> Future[_Result]:
        """Begin, and wait for nothing."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """Give up whatever is under way."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                self._loop.run_until_complete(task)
        self._loop.close()


class RecordedResults:
    """Results, written one after the other in the background."""

    def __init__(self, thread: WandbThread, client: SearchClient) -> None:
        self._thread = thread
        self._client = client
        self._last: Future[None] | None = None

    def record(
        self,
        wandb_run_id: str,
        summary: Mapping[str, Any],
        *,
        tags_added: Collection[str] = (),
        tags_removed: Collection[str] = (),
    ) -> None:
        """See Results."""
        before = self._last
        self._last = self._thread.start(
            self._write(before, wandb_run_id, dict(summary), tuple(tags_added), tuple(tags_removed))
        )

    def flush(self, seconds: float) -> None:
        """Wait for what was said so far, but no longer than this."""
        if self._last is not None:
            with contextlib.suppress(NotInTimeError, CancelledError):
                self._last.result(seconds)

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
