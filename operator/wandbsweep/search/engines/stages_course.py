"""How far a search by stages has come: which stage it is in, over which ranges, and how many runs are left of it.

All of it follows from the recorded runs, in whichever order they are told of.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.stages.cells import Cells
from wandbsweep.sweep.stages.narrowing import narrowed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.stages.settings import Stage


@dataclass(frozen=True)
class Trial:
    """A run that the search has handed out."""

    number: int
    stage: int
    cell: int | None
    """Of a grid: which of its cells."""
    values: Mapping[tuple[str, ...], Any]
    """By the paths of the parameters."""
    state: str
    """In W&B's words: pending, running, preempting, preempted, finished, killed, failed, crashed."""
    score: float | None
    """The more the better; none where the run has recorded none."""
    summary: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        return self.state in ("failed", "crashed")

    @property
    def in_flight(self) -> bool:
        return self.state not in ("finished", "killed", "failed", "crashed")

    @property
    def succeeded(self) -> bool:
        """Whether ranges may narrow around it."""
        return self.state == "finished" and self.score is not None


class Course:
    """The stages, and the runs so far. Stages that cannot go on are over, whatever is left of them."""

    def __init__(self, stages: tuple[Stage, ...], trials: Iterable[Trial], over: Collection[int] = ()) -> None:
        self._stages = stages
        self.trials = sorted(trials, key=lambda trial: trial.number)
        self._given_up = over
        self._ranges: dict[int, tuple[Parameter, ...]] = {}

    @cached_property
    def current(self) -> int | None:
        """The number of the stage that the search is in, from 0 on; none when all are over."""
        first = max((trial.stage for trial in self.trials), default=0)
        return next((index for index in range(first, len(self._stages)) if not self._is_over(index)), None)

    @property
    def next_number(self) -> int:
        return max((trial.number for trial in self.trials), default=-1) + 1

    def left(self, index: int) -> int:
        """How many more runs may be handed out in a stage. Those that failed are replaced, up to as many as it has."""
        if index in self._given_up:
            return 0
        if (cells := self.cells(index)) is not None:
            return sum(number not in self._cells_tried(index) for number in range(len(cells)))
        own = [trial for trial in self.trials if trial.stage == index]
        cap, failed = self._stages[index].run_cap or 0, sum(trial.failed for trial in own)
        return max(cap - (len(own) - failed), 0) if failed < cap else 0

    def cells(self, index: int) -> Cells | None:
        """The cells of a stage that is a grid."""
        stage = self._stages[index]
        return Cells.of(self.parameters(index), stage.points, stage.run_cap) if stage.method == "grid" else None

    def next_cell(self, index: int) -> int:
        """The first cell that has not been tried."""
        tried = self._cells_tried(index)
        return next(number for number in range(len(tried) + 1) if number not in tried)

    def parameters(self, index: int) -> tuple[Parameter, ...]:
        """The parameters as this stage searches them."""
        if index not in self._ranges:
            self._ranges[index] = self._narrowed(index) if index else self._stages[0].parameters
        return self._ranges[index]

    def best(self, index: int) -> list[Trial]:
        """The runs before a stage around which its ranges narrow."""
        scored = [(trial.score, trial) for trial in self._before(index) if trial.succeeded and trial.score is not None]
        ranked = sorted(scored, key=lambda each: (-each[0], each[1].number))
        return [trial for _, trial in ranked[: self._stages[index].best_of(len(ranked))]]

    def _narrowed(self, index: int) -> tuple[Parameter, ...]:
        stage, best = self._stages[index], self.best(index)
        paths = [parameter.path for parameter in stage.parameters]
        return tuple(
            own
            if path in stage.replaced
            else narrowed(before, [trial.values[path] for trial in best], self._tried(path, before=index), stage.width)
            for path, own, before in zip(paths, stage.parameters, self.parameters(index - 1), strict=True)
        )

    def _before(self, index: int) -> list[Trial]:
        return [trial for trial in self.trials if trial.stage < index]

    def _tried(self, path: tuple[str, ...], *, before: int) -> list[Any]:
        return [trial.values[path] for trial in self._before(before)]

    def _cells_tried(self, index: int) -> set[int | None]:
        return {trial.cell for trial in self.trials if trial.stage == index}

    def _is_over(self, index: int) -> bool:
        return not self.left(index) and not any(trial.in_flight for trial in self.trials if trial.stage == index)
