"""One loop per object: a pass, then a pause until something wakes it or its time comes.

Passes over one object never overlap; many wake-ups during a pass make one more pass; a failed pass is tried again with
growing, jittered delay. All loops share a bound on passes under way.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from wandbsweep.controller import logs
from wandbsweep.controller.kube_api import KubeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import timedelta

FIRST_RETRY_SECONDS: Final = 1.0
LONGEST_RETRY_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


class ObjectKey(NamedTuple):
    """Which object."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class PassResult:
    """What a pass asks of its loop: to end, because nothing is left to care for, or when to look again.

    `gone`: the object is not there, or is another controller's. Without `look_again` the next pass comes when woken.
    """

    look_again: timedelta | None = None
    gone: bool = False


@dataclass
class _Loop:
    task: asyncio.Task[None]
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class ObjectLoops:
    """Runs `reconcile` for every object that was ever woken, until it is gone."""

    def __init__(self, reconcile: Callable[[ObjectKey], Awaitable[PassResult]], *, at_once: int) -> None:
        self._reconcile = reconcile
        self._permits = asyncio.Semaphore(at_once)
        self._loops: dict[ObjectKey, _Loop] = {}
        self.waiting = 0  # objects that are due, while as many passes are under way as there may be

    def __len__(self) -> int:
        return len(self._loops)

    def wake(self, key: ObjectKey) -> None:
        """Have a pass over this object soon."""
        loop = self._loops.get(key)
        if loop is None:
            wake = asyncio.Event()
            self._loops[key] = loop = _Loop(asyncio.create_task(self._run(key, wake), name=f"sweep {key}"), wake)
        loop.wake.set()

    async def close(self) -> None:
        """End every loop where it stands. A pass that is cut short is made good by the next operator."""
        tasks = [loop.task for loop in self._loops.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        self.waiting += 1
        try:
            await self._permits.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._permits.release()

    async def _run(self, key: ObjectKey, wake: asyncio.Event) -> None:
        with logs.about(object=str(key)):
            await self._passes(key, wake)

    async def _passes(self, key: ObjectKey, wake: asyncio.Event) -> None:
        failures = 0
        while True:
            wake.clear()
            try:
                async with self._turn():
                    result = await self._reconcile(key)
            except Exception as error:  # one broken pass must not end the care for this object
                failures += 1
                known = isinstance(error, KubeError)  # anything else is a mistake of ours, and its place is of interest
                log.log(
                    logging.WARNING if known else logging.ERROR,
                    "The pass failed and is tried again: %s",
                    error,
                    exc_info=not known,
                )
                await asyncio.sleep(retry_seconds(failures))
                continue
            failures = 0
            if result.gone and not wake.is_set():
                del self._loops[key]
                return
            await _wait(wake, result.look_again)


def retry_seconds(failures: int) -> float:
    """The pause after so many failed passes in a row: doubled each time up to a bound, with jitter."""
    longest = min(FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10), LONGEST_RETRY_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret


async def _wait(wake: asyncio.Event, pause: timedelta | None) -> None:
    try:
        await asyncio.wait_for(wake.wait(), None if pause is None else pause.total_seconds())
    except asyncio.TimeoutError:
        return
