"""What the rest of the operator may ask of a W&B server, and the values that come back.

The comment on each call says what *twice*, *gone* and *late* look like. Every call returns, or raises one of the errors
of this room; each request that it needs is given up after the tracker's time-out, retries included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from wandbsweep.sweep.path import SweepPath

SettableState = Literal["RUNNING", "PAUSED", "FINISHED", "CANCELED"]
"""The states that a caller may put a sweep into; the server itself knows more (PENDING, CRASHED, ...)."""


@dataclass(frozen=True)
class Account:
    """Who talks to which server. The key stays in memory and is never shown."""

    base_url: str
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class CreatedSweep:
    """A sweep that exists on the server, and what the server had to say about its config."""

    path: SweepPath
    url: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class BestRun:
    """The finished run with the best finite value of the sweep's metric."""

    run_id: str
    name: str
    url: str
    value: float
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class RunTags:
    """The tags of runs that readings count.

    Attributes:
        failing: each says how a run ended badly.
        settling: each says how a run ended as well, and that this is no failure.
        lasting: stay on a run whatever becomes of it, and say nothing about its end.
    """

    failing: tuple[str, ...] = ()
    settling: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()

    @property
    def ending(self) -> tuple[str, ...]:
        """Tags that say how a run ended; a run has at most one of them."""
        return self.failing + self.settling

    @property
    def counted(self) -> tuple[str, ...]:
        """All of them."""
        return self.ending + self.lasting


@dataclass(frozen=True)
class FailedRun:
    """A run that failed, crashed, or has a failing tag; `seen_at` is its last sign of life, about when it ended."""

    run_id: str
    name: str
    url: str
    state: str
    tags: tuple[str, ...]
    seen_at: datetime | None


@dataclass(frozen=True)
class FrontRun:
    """A run on the front of a search by Protein: none scores better for the same cost or less."""

    run_id: str
    name: str
    url: str
    score: float
    cost: float
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class AgentView:
    """An agent of a sweep by the host that it runs on, and its current run, if it has one.

    `busy_since` is when that run came into being: one that was preempted and handed out again is as old as it is.
    """

    host: str
    seen_at: datetime | None
    run_id: str | None = None
    busy_since: datetime | None = None


@dataclass(frozen=True)
class SweepReading:
    """One look at a sweep: its state (upper case, as on the wire), its config and the count of its runs by state.

    Attributes:
        tag_counts: how many runs have each of the tracker's tags, zeros included.
        untagged: how many of the failed, crashed and killed runs have no tag that says how they ended, by state.
        latest_failures: the newest failed runs, at most 5, newest first.
        front: the runs that the search has marked as its front, at most 50, the cheapest first.

    W&B counts one after the other: while runs end, two counts of one reading may be a run apart.
    """

    path: SweepPath
    url: str
    state: str
    config: Mapping[str, Any]
    expected_runs: int | None
    runs_by_state: Mapping[str, int]
    best: BestRun | None
    tag_counts: Mapping[str, int] = field(default_factory=dict)
    untagged: Mapping[str, int] = field(default_factory=dict)
    latest_failures: tuple[FailedRun, ...] = ()
    front: tuple[FrontRun, ...] = ()

    @property
    def name(self) -> str | None:
        """The display name, as the config has it."""
        return _text(self.config.get("name"))

    @property
    def description(self) -> str | None:
        """The description, as the config has it."""
        return _text(self.config.get("description"))


class SweepTracker(Protocol):
    """Sweeps on W&B servers, for many accounts at once."""

    async def create(
        self,
        account: Account,
        *,
        entity: str | None,
        project: str,
        config: Mapping[str, Any],
    ) -> CreatedSweep:
        """Create a sweep; a missing project comes into being with it, and None as entity is the key's default entity.

        Twice: a second sweep, so the request is sent once and never repeated here. Late: AmbiguousCreateError when the
        request may have been carried out; the caller looks the sweep up by its marker before it creates again.
        Refused: ConfigRejected.
        """
        ...

    async def find(
        self,
        account: Account,
        *,
        entity: str | None,
        project: str,
        marker: str,
    ) -> CreatedSweep | None:
        """Find the sweep of a project whose description, or the one in its config, has the marker as a line of its own.

        Gone: None, also when there is no such project. Asking twice changes nothing.
        """
        ...

    async def read(self, account: Account, paths: Sequence[SweepPath]) -> Mapping[SweepPath, SweepReading | None]:
        """Read many sweeps at once; the answer has every path that was asked for.

        Gone: None for a sweep that the server does not have (deleted, or never there). Asking twice changes nothing.
        When only some of the sweeps could be read, PartialReadError carries what was read.
        """
        ...

    async def set_state(self, account: Account, path: SweepPath, state: SettableState, *, revive: bool = False) -> None:
        """Pause, resume (RUNNING), stop (FINISHED) or cancel a sweep.

        Twice, or on a sweep that is over already: nothing happens, so that resuming never revives one; unless to
        revive a sweep that finished is what is asked for. Gone: SweepMissing. Late: try again.
        """
        ...

    async def update(self, account: Account, path: SweepPath, config: Mapping[str, Any]) -> None:
        """Give a sweep another config, as `wandb sweep --update` does; its state, runs and agents stay.

        Twice, or on a sweep that is over: nothing happens. Refused: ConfigRejected. Gone: SweepMissing.
        Late: try again.
        """
        ...

    async def agents(
        self, account: Account, path: SweepPath, *, hosts: Collection[str] | None = None
    ) -> tuple[AgentView, ...]:
        """The agents of a sweep, one for each host (the one that was heard last), and what they are at.

        With hosts, only those: a sweep keeps every agent it ever had. Asking twice changes nothing.
        Gone: SweepMissing; a host without an agent is not in the answer.
        """
        ...

    async def tag_current_run(
        self, account: Account, path: SweepPath, host: str, tags: Sequence[str], *, ended_before: datetime
    ) -> str | None:
        """Add tags to the newest run of the agent on a host, for a container that died before it could; the run's ID.

        `ended_before` is when the container ended: a run that came into being later is not meant.
        None if there is no such run, or it finished, or has another tag already that says how it ended.
        Twice: nothing happens, and the ID is the same. Gone: SweepMissing. Late: try again.
        """
        ...

    async def resolve_entity(self, account: Account) -> str:
        """The default entity of the key; KeyRejected when the server does not know the key."""
        ...

    async def features(self, account: Account) -> frozenset[str]:
        """The names of the optional features that the server has, as it said within the last minute.

        A server that knows none, or not even the question, has none. Asking twice changes nothing.
        """
        ...

    async def close(self) -> None:
        """Give up whatever is under way and close every connection. Twice: nothing happens."""
        ...


def _text(value: object) -> str | None:
    return None if value is None else str(value)
