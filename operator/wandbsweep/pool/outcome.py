"""What became of a plan: the facts that only its execution could bring to light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wandbsweep.api.reasons import Reason
    from wandbsweep.pool.actions import RemoveAgent
    from wandbsweep.pool.facts import Problem
    from wandbsweep.sweep.path import SweepPath


@dataclass(frozen=True)
class CreatedSweep:
    """The sweep that the object has from now on."""

    path: SweepPath
    url: str
    how: Literal[Reason.CREATED, Reason.ADOPTED, Reason.JOINED]


@dataclass(frozen=True)
class Outcome:
    """How the actions of a pass ended. A problem means that the actions after it were not tried."""

    created: CreatedSweep | None = None
    create_problem: Problem | None = None
    wandb_problem: Problem | None = None
    agents_problem: Problem | None = None
    started: tuple[str, ...] = ()  # names of the Jobs that this pass created
    removed: tuple[RemoveAgent, ...] = ()
