"""A search on a task: so many trials, some of them in flight at a time, each lasting as long as it costs."""

from __future__ import annotations

import heapq
import math
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.yardstick import oriented, yardstick

if TYPE_CHECKING:
    from search.engines import Engine
    from search.tasks import Outcome, Task

    Point = tuple[float, float]

IN_FLIGHT = 4


@dataclass(frozen=True)
class Result:
    """What a search came to."""

    best: float
    """The score, noise taken out, of the trial that scored best: 0 as a random trial, 1 as the best there is."""
    hypervolume: float
    """The share of the ideal front's area below the trials that it would call its front, noise taken out."""
    cost: float
    """Of all trials together."""
    seconds: float
    """To suggest one, on average."""
    failed: float
    """Share of the trials."""


@dataclass(frozen=True)
class _Ended:
    recorded: Point
    true: Point


def race(task: Task, engine: Engine, budget: int, seed: int) -> Result:
    """Let an engine search with so many trials; the noise is that of the seed, trial by trial."""
    noise = random.Random(seed)
    clock, spent, thought, failures = 0.0, 0.0, 0.0, 0
    flying: list[tuple[float, int, object, Outcome]] = []
    ended: list[_Ended] = []
    for number in range(budget + IN_FLIGHT):
        if number < budget:
            began = time.perf_counter()
            handle, values = engine.ask()
            thought += time.perf_counter() - began
            outcome = task.run(values)
            heapq.heappush(flying, (clock + outcome.cost, number, handle, outcome))
            if number + 1 < IN_FLIGHT:
                continue
        if not flying:
            break
        clock, _, handle, outcome = heapq.heappop(flying)
        score = outcome.score + noise.gauss(0, task.score_noise)
        cost = outcome.cost * math.exp(noise.gauss(0, task.cost_noise))
        spent += outcome.cost
        failures += outcome.failed
        engine.tell(handle, score, cost, failed=outcome.failed)
        if not outcome.failed:
            ended.append(_Ended(oriented(task, score, cost), oriented(task, outcome.score, outcome.cost)))
    unit = yardstick(task)
    best = max(ended, key=lambda trial: trial.recorded[0])
    return Result(
        best=unit.share(best.true[0]),
        hypervolume=unit.hypervolume([trial.true for trial in ended if not _beaten(trial, ended)]),
        cost=spent,
        seconds=thought / budget,
        failed=failures / budget,
    )


def _beaten(trial: _Ended, others: list[_Ended]) -> bool:
    (score, cost) = trial.recorded
    return any(o.recorded[0] >= score and o.recorded[1] <= cost and o.recorded != trial.recorded for o in others)
