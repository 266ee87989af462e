"""What a pass may do to the world; each action carries all that its execution needs and why it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from wandbsweep.agent.causes import Cause
    from wandbsweep.api.reasons import Reason
    from wandbsweep.pool.verdict import Verdict
    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.sweep.search_order import SearchOrder


@dataclass(frozen=True)
class ClaimObject:
    """Add the finalizer and record the intent to create a sweep, in one write, before anything exists outside.

    Without a token only the finalizer: the sweep to join exists.
    """

    token: str | None = None


@dataclass(frozen=True)
class LeaveSweep:
    """Record that the sweep of this token is about to be stopped because the object wants another one.

    Without the record a definition that comes back would find the stopped sweep, and take it for one that is over.
    """

    token: str


@dataclass(frozen=True)
class CreateSweep:
    """Create the sweep on W&B.

    With `look_up_first` an earlier pass may have created it already and died before it could say so.
    """

    entity: str | None
    project: str
    config: Mapping[str, Any]
    token: str  # of the definition; the outcome carries it on
    marker: str  # the line in the sweep's description by which it is found
    look_up_first: bool


@dataclass(frozen=True)
class AdoptSweep:
    """Look for the sweep that an earlier attempt may have created. Create none: its request may still be under way."""

    entity: str | None
    project: str
    token: str
    marker: str


@dataclass(frozen=True)
class StartAgent:
    """Create the Job of one slot.

    Its pod must not run on the nodes in `avoid`, and does so on those in `unwelcome` only where no other has room.
    """

    slot: int
    attempt: int
    path: SweepPath
    metric: str | None = None
    avoid: tuple[str, ...] = ()
    unwelcome: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemoveAgent:
    """Delete a Job with its pod."""

    job_name: str
    running: bool
    why: str


@dataclass(frozen=True)
class AskToLeave:
    """Ask an agent to leave after its current run, by an annotation on its pod."""

    pod_name: str
    why: str


@dataclass(frozen=True)
class StartSearch:
    """Create the Job of the sweep's search. `agent_count` is what its pod is told at first."""

    attempt: int
    path: SweepPath
    order: SearchOrder
    agent_count: int


@dataclass(frozen=True)
class RemoveSearch:
    """Delete the Job of a search with its pod."""

    job_name: str
    running: bool
    why: str


@dataclass(frozen=True)
class TellSearch:
    """Tell a search how many agents there are to be, by an annotation on its pod."""

    pod_name: str
    agent_count: int


@dataclass(frozen=True)
class StartWarmUp:
    """Create the Job that fills the caches of Isaac Sim."""

    attempt: int
    path: SweepPath


@dataclass(frozen=True)
class RemoveWarmUp:
    """Delete the Job of a warm-up with its pod."""

    job_name: str
    running: bool
    why: str


@dataclass(frozen=True)
class MarkRun:
    """Tag the run of an agent that could not do so itself, because its container was killed as a whole."""

    path: SweepPath
    host: str
    node: str | None
    cause: Cause
    ended_at: datetime


@dataclass(frozen=True)
class SetSweepState:
    """Pause, resume, stop (FINISHED) or cancel a sweep on W&B. The next pass has to look at the sweep anew.

    `why`: an Event with this reason is sent once it is done. `revive`: also one that is over, to run it again.
    """

    path: SweepPath
    state: Literal["RUNNING", "PAUSED", "FINISHED", "CANCELED"]
    why: Reason | None = None
    revive: bool = False


@dataclass(frozen=True)
class UpdateSweep:
    """Change run cap, name or description of the sweep, as `wandb sweep --update` does. Then look at it anew."""

    path: SweepPath
    config: Mapping[str, Any]


@dataclass(frozen=True)
class FindAndStop:
    """An intent was recorded and an ID was not, and now nobody wants the sweep: stop what may have been created."""

    entity: str | None
    project: str
    marker: str
    state: Literal["FINISHED", "CANCELED"]


@dataclass(frozen=True)
class ReleaseObject:
    """Remove the finalizer, so that Kubernetes may delete the object and collect its Jobs.

    With `gave_up` the W&B side could not be brought to rest in time; the message says what is left behind.
    """

    gave_up: str | None = None


@dataclass(frozen=True)
class DeleteObject:
    """Delete the WandbSweep itself: it ended long enough ago."""


Action = (
    ClaimObject
    | LeaveSweep
    | CreateSweep
    | AdoptSweep
    | StartAgent
    | RemoveAgent
    | AskToLeave
    | StartSearch
    | RemoveSearch
    | TellSearch
    | StartWarmUp
    | RemoveWarmUp
    | MarkRun
    | SetSweepState
    | UpdateSweep
    | FindAndStop
    | ReleaseObject
    | DeleteObject
)


@dataclass(frozen=True)
class Plan:
    """The actions of one pass, in order; when to look again if nothing happens; the verdict, once there is one.

    Trouble with W&B ends the actions on W&B and keeps agents from starting. Agents that have to go, go all the same.
    """

    actions: tuple[Action, ...] = ()
    look_again: timedelta | None = None
    verdict: Verdict | None = None
