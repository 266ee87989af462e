"""One loop per object: passes never overlap, wake-ups are not lost, failures are tried again with growing pauses."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from wandbsweep.controller import object_loops
from wandbsweep.controller.kube_api import KubeError
from wandbsweep.controller.object_loops import ObjectKey, ObjectLoops, PassResult, retry_seconds

KEY = ObjectKey("robots", "anymal")


class Passes:
    """A pass that takes as long as the test wants and ends as it says."""

    def __init__(self) -> None:
        self.results: list[PassResult | Exception] = []
        self.keys: list[ObjectKey] = []
        self.under_way = 0
        self.most_at_once = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self._begun = asyncio.Condition()

    async def __call__(self, key: ObjectKey) -> PassResult:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        async with self._begun:
            self.keys.append(key)
            self._begun.notify_all()
        await self.hold.wait()
        self.under_way -= 1
        result = self.results.pop(0) if self.results else PassResult()
        if isinstance(result, Exception):
            raise result
        return result

    async def begun(self, count: int) -> None:
        async with asyncio.timeout(5), self._begun:
            await self._begun.wait_for(lambda: len(self.keys) >= count)


@pytest.fixture
async def passes():
    return Passes()


@pytest.fixture
async def loops(passes):
    running = ObjectLoops(passes, at_once=2)
    yield running
    await running.close()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_many_wake_ups_during_a_pass_make_one_more_pass(loops, passes):
    passes.hold.clear()
    loops.wake(KEY)
    await passes.begun(1)

    for _ in range(5):
        loops.wake(KEY)
    passes.hold.set()
    await passes.begun(2)
    await settle()

    assert len(passes.keys) == 2
    assert passes.most_at_once == 1


async def test_passes_over_different_objects_run_side_by_side_up_to_the_bound(loops, passes):
    passes.hold.clear()
    for number in range(4):
        loops.wake(ObjectKey("robots", f"anymal-{number}"))
    await passes.begun(2)
    await settle()
    assert passes.most_at_once == 2

    passes.hold.set()
    await passes.begun(4)

    assert passes.most_at_once == 2


async def test_an_object_is_looked_at_again_when_its_pass_asked_for_it(loops, passes):
    passes.results = [PassResult(look_again=timedelta(milliseconds=5))]

    loops.wake(KEY)

    await passes.begun(2)


async def test_a_pass_that_asks_for_nothing_waits_for_a_wake_up(loops, passes):
    loops.wake(KEY)
    await passes.begun(1)
    await settle()
    assert len(passes.keys) == 1

    loops.wake(KEY)

    await passes.begun(2)


async def test_the_loop_of_an_object_that_is_gone_ends(loops, passes):
    passes.results = [PassResult(gone=True)]

    loops.wake(KEY)
    await passes.begun(1)
    await settle()

    assert len(loops) == 0


async def test_an_object_that_is_made_anew_while_its_predecessor_goes_is_looked_at(loops, passes):
    passes.results = [PassResult(gone=True)]
    passes.hold.clear()
    loops.wake(KEY)
    await passes.begun(1)

    loops.wake(KEY)
    passes.hold.set()

    await passes.begun(2)
    assert len(loops) == 1


async def test_a_failed_pass_is_tried_again_and_an_api_server_that_is_away_is_one_line(
    loops, passes, monkeypatch, caplog
):
    monkeypatch.setattr(object_loops, "FIRST_RETRY_SECONDS", 0.001)
    passes.results = [KubeError("the API server did not answer"), PassResult()]

    with caplog.at_level(logging.WARNING):
        loops.wake(KEY)
        await passes.begun(2)

    (record,) = caplog.records
    assert record.getMessage() == ("The pass failed and is tried again: the API server did not answer")
    assert not record.exc_info


async def test_a_mistake_of_ours_is_tried_again_too_and_its_place_is_logged(loops, passes, monkeypatch, caplog):
    monkeypatch.setattr(object_loops, "FIRST_RETRY_SECONDS", 0.001)
    passes.results = [KeyError("surprise"), PassResult()]

    loops.wake(KEY)
    await passes.begun(2)

    assert caplog.records[0].levelno == logging.ERROR
    assert caplog.records[0].exc_info


def test_pauses_double_up_to_a_minute_and_are_spread():
    for failures, longest in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (100, 60)]:
        pauses = {retry_seconds(failures) for _ in range(50)}
        assert longest / 2 <= min(pauses)
        assert max(pauses) <= longest
        assert len(pauses) > 10


async def test_closing_ends_loops_in_the_middle_of_a_pass(loops, passes):
    passes.hold.clear()
    loops.wake(KEY)
    await passes.begun(1)

    async with asyncio.timeout(1):
        await loops.close()
