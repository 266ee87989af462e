"""The results of all searches of a bench, in memory or in a file that a later bench goes on with."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from search.engines import ENGINES
from search.race import Result, race

if TYPE_CHECKING:
    from pathlib import Path

    from search.tasks import Task

    Key = tuple[str, str, int, int]


class Record:
    """Task, engine, trials and seed of each search, and what it came to."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._results: dict[Key, Result] = {}
        if path and path.exists():
            for line in path.read_text().splitlines():
                row = json.loads(line)
                self._results[tuple(row["search"])] = Result(**row["result"])

    def run(self, task: Task, engine: str, trials: int, seed: int) -> None:
        key = (task.name, engine, trials, seed)
        if key in self._results:
            return
        self._results[key] = race(task, ENGINES[engine](task, seed), trials, seed)
        if self._path:
            with self._path.open("a") as file:
                file.write(json.dumps({"search": key, "result": asdict(self._results[key])}) + "\n")

    def results(self, task: Task, engine: str, trials: int, seeds: int) -> list[Result]:
        return [self._results[task.name, engine, trials, seed] for seed in range(seeds)]
