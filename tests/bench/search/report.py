"""The results of a bench as tables: medians over the seeds for each task, and the medians of these over the tasks."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from search.race import IN_FLIGHT
from search.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from search.record import Record

_COLUMNS = ("best", "hypervolume", "cost", "hv per cost", "failed", "s each")


def report(record: Record, engines: Sequence[str], trials: int, seeds: int) -> Iterator[str]:
    yield f"{trials} trials, {IN_FLIGHT} in flight, medians over {seeds} seeds"
    yield "best, hypervolume: 1 is all there is; cost: 1 is a random search's; s each: to suggest a trial"
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in engines}
    for task in TASKS:
        dear = median(result.cost for result in record.results(task, engines[0], trials, seeds))
        if "random" in engines:
            dear = median(result.cost for result in record.results(task, "random", trials, seeds))
        yield ""
        yield _line(f"{task.name}, {task.goal}", _COLUMNS)
        for name in engines:
            results = record.results(task, name, trials, seeds)
            figures = tuple(
                median(figure)
                for figure in zip(
                    *(
                        (r.best, r.hypervolume, r.cost / dear, r.hypervolume * dear / r.cost, r.failed, r.seconds)
                        for r in results
                    ),
                    strict=True,
                )
            )
            rows[name].append(figures)
            yield _figures(name, figures)
    yield ""
    yield _line("median of the tasks", _COLUMNS)
    for name in engines:
        yield _figures(name, tuple(map(median, zip(*rows[name], strict=True))))


def _line(name: str, cells: Sequence[str]) -> str:
    return f"  {name:<24}" + "".join(f"{cell:>13}" for cell in cells)


def _figures(name: str, figures: Sequence[float]) -> str:
    *shares, seconds = figures
    return _line(name, [*(f"{share:.2f}" for share in shares), f"{seconds:.3f}"])
