"""A thread with an event loop for the search's own talk with W&B, beside the scheduler, which never waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotInTimeError
from typing import TYPE_CHECKING, Any, TypeVar

from wandbsweep.tracking.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from wandbsweep.search.leadership import Leadership
    from wandbsweep.tracking.search_client import SearchClient
    from wandbsweep.tracking.search_runs import RecordedRun, SearchLook

_Result = TypeVar("_Result")

_LONGEST_CALL = 60.0


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


class BlockingRuns:
    """See RunsOnWandb."""

    def __init__(self, thread: WandbThread, client: SearchClient) -> None:
        self._thread = thread
        self._client = client

    def look(self) -> SearchLook:
        return self._thread.call(self._client.look())

    def read(self, run_ids: Sequence[str]) -> dict[str, RecordedRun]:
        return self._thread.call(self._client.read_runs(run_ids))


class BlockingLeader:
    """See Leader."""

    def __init__(self, thread: WandbThread, leadership: Leadership) -> None:
        self._thread = thread
        self._leadership = leadership

    def holds(self) -> bool:
        return self._leadership.holds()

    def confirm(self) -> bool:
        return self._thread.call(self._leadership.confirm())
