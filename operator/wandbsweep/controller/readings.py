"""Looks at sweeps on W&B for all objects together.

Requests that come within a moment of each other and belong to one account are sent as one. The last reading of each
sweep is kept, because most passes are woken by Kubernetes and need no new look. It is kept for the object that it was
read for: another object that names a sweep of the same path may do so on another server, or with a key that sees none.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from wandbsweep.controller.run_causes import count_causes, count_unexplained, failed_run
from wandbsweep.pool.facts import Best, FrontRun, SweepReading, SweepState
from wandbsweep.sweep.on_wandb import facts_of, values_of_run
from wandbsweep.tracking.errors import PartialReadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking import protocol

WINDOW_SECONDS: Final = 0.05
_ENDLESS: Final = ("random", "bayes", "custom")

_Known = tuple[str, "SweepPath"]  # an object's UID, and its sweep
_Waiting = dict["SweepPath", "asyncio.Future[protocol.SweepReading | None]"]


class Readings:
    """The sweeps as W&B last showed them."""

    def __init__(self, tracker: protocol.SweepTracker) -> None:
        self._tracker = tracker
        self._waiting: dict[protocol.Account, _Waiting] = defaultdict(dict)
        self._flushes: set[asyncio.Task[None]] = set()
        self._last: dict[_Known, SweepReading] = {}
        self._missing_since: dict[_Known, datetime] = {}
        self._outdated: set[_Known] = set()

    def last(self, uid: str, path: SweepPath) -> SweepReading | None:
        """The newest reading of this object's sweep, if there was one since the operator started."""
        return self._last.get((uid, path))

    def outdate(self, uid: str, path: SweepPath) -> None:
        """The sweep was changed by ourselves: the next pass has to look anew."""
        self._outdated.add((uid, path))

    def is_outdated(self, uid: str, path: SweepPath) -> bool:
        """Whether the sweep was changed since the last reading."""
        return (uid, path) in self._outdated

    def missing_for(self, uid: str, path: SweepPath, now: datetime) -> timedelta:
        """How long W&B has been saying that it has no such sweep."""
        return now - self._missing_since.get((uid, path), now)

    def forget(self, uid: str, path: SweepPath) -> None:
        """The object of this sweep is gone."""
        self._last.pop((uid, path), None)
        self._missing_since.pop((uid, path), None)
        self._outdated.discard((uid, path))

    async def read(self, uid: str, account: protocol.Account, path: SweepPath, now: datetime) -> SweepReading | None:
        """Look at a sweep; None if W&B has no such sweep. Raises TrackingError."""
        answer = await asyncio.shield(self._ask(account, path))
        if answer is None:
            self._missing_since.setdefault((uid, path), now)
            return None
        self._missing_since.pop((uid, path), None)
        reading = to_reading(answer, now, self._last.get((uid, path)))
        self._last[uid, path] = reading
        self._outdated.discard((uid, path))
        return reading

    def _ask(self, account: protocol.Account, path: SweepPath) -> asyncio.Future[protocol.SweepReading | None]:
        waiting = self._waiting[account]
        if not waiting:
            task = asyncio.create_task(self._flush(account), name="read sweeps")
            self._flushes.add(task)
            task.add_done_callback(self._flushes.discard)
        if path not in waiting:
            waiting[path] = asyncio.get_running_loop().create_future()
        return waiting[path]

    async def _flush(self, account: protocol.Account) -> None:
        await asyncio.sleep(WINDOW_SECONDS)
        waiting = self._waiting.pop(account)
        answers: Mapping[SweepPath, protocol.SweepReading | None] = {}
        failures: Mapping[SweepPath, Exception] = {}
        try:
            answers = await self._tracker.read(account, tuple(waiting))
        except PartialReadError as error:
            answers, failures = error.readings, error.failures
        except Exception as error:  # noqa: BLE001 - whoever asked gets it, and decides
            failures = dict.fromkeys(waiting, error)
        for path, future in waiting.items():
            if future.done():
                continue
            if path in failures:
                future.set_exception(failures[path])
            else:
                future.set_result(answers[path])


def to_reading(answer: protocol.SweepReading, now: datetime, before: SweepReading | None) -> SweepReading:
    """The facts of an answer that decisions need; `before` tells since when nothing has changed."""
    facts = facts_of(answer.config)
    runs = {state: count for state, count in answer.runs_by_state.items() if count}
    unexplained = count_unexplained(answer)
    known_before = before is not None and before.unexplained >= unexplained
    unchanged = before and before.state_text == answer.state and before.runs_by_state == runs
    return SweepReading(
        path=answer.path,
        url=answer.url,
        state=SweepState.from_wire(answer.state),
        state_text=answer.state,
        method=facts.method,
        run_cap=facts.run_cap,
        grid_size=facts.grid_size or _expected(answer),
        runs_by_state=runs,
        best=_best(answer.best, facts.metric),
        metric=facts.metric,
        read_at=now,
        quiet_since=before.quiet_since if before and unchanged else now,
        failures=count_causes(answer),
        latest_failures=tuple(failed_run(run) for run in answer.latest_failures),
        unexplained=unexplained,
        unexplained_since=before.unexplained_since if before and known_before else now,
        goal=facts.goal,
        display_name=answer.name,
        description=answer.description,
        front=tuple(FrontRun(**asdict(run)) for run in answer.front),
    )


def _expected(answer: protocol.SweepReading) -> int | None:
    """The runs that the server expects, for a grid that this version cannot count, or a method that it does not know.

    Of other methods that is their run cap, at most; and a search beside the server decides by itself.
    """
    return None if answer.config.get("method") in _ENDLESS else answer.expected_runs


def _best(best: protocol.BestRun | None, metric: str | None) -> Best | None:
    if best is None or metric is None:
        return None
    return Best(best.run_id, best.name, best.url, metric, best.value, values_of_run(best.parameters))
