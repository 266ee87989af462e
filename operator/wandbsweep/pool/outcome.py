"""What became of a plan: the facts that only its execution could bring to light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wandbsweep.api.reasons import Reason
    from wandbsweep.pool.actions import FindAndStop, RemoveAgent, RemoveSearch, SetSweepState, UpdateSweep
    from wandbsweep.pool.facts import Problem
    from wandbsweep.sweep.path import SweepPath


@dataclass(frozen=True)
class CreatedSweep:
    """The sweep that the object has from now on."""

    path: SweepPath
    url: str
    how: Literal[Reason.CREATED, Reason.ADOPTED, Reason.JOINED]
    token: str | None  # of the definition that it was made from; None for one that was there before


@dataclass(frozen=True)
class Outcome:
    """How the actions of a pass ended. A problem with W&B means that the actions on W&B after it were not tried."""

    created: CreatedSweep | None = None
    create_problem: Problem | None = None
    wandb_problem: Problem | None = None
    agents_problem: Problem | None = None
    search_problem: Problem | None = None  # the API server refused the search's Job
    started_warm_up: str | None = None  # name of the warm-up Job that this pass created
    started: tuple[str, ...] = ()  # names of the Jobs that this pass created
    removed: tuple[RemoveAgent, ...] = ()
    started_search: str | None = None  # name of the search Job that this pass created
    removed_search: tuple[RemoveSearch, ...] = ()
    on_wandb: tuple[SetSweepState | UpdateSweep | FindAndStop, ...] = ()  # what was done to sweeps that were there
