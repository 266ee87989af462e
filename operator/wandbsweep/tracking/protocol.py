"""What the rest of the operator may ask of a W&B server, and the values that come back.

The comment on each call says what *twice*, *gone* and *late* look like. Every call returns, or raises one of the errors
of this room; each request that it needs is given up after the tracker's time-out, retries included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
class SweepReading:
    """One look at a sweep: its state (upper case, as on the wire), its config and the count of its runs by state."""

    path: SweepPath
    url: str
    state: str
    config: Mapping[str, Any]
    expected_runs: int | None
    runs_by_state: Mapping[str, int]
    best: BestRun | None


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
        """Find the sweep of a project whose description or config holds the marker text.

        Gone: None, also when there is no such project. Asking twice changes nothing.
        """
        ...

    async def read(self, account: Account, paths: Sequence[SweepPath]) -> Mapping[SweepPath, SweepReading | None]:
        """Read many sweeps at once; the answer has every path that was asked for.

        Gone: None for a sweep that the server does not have (deleted, or never there). Asking twice changes nothing.
        When only some of the sweeps could be read, PartialReadError carries what was read.
        """
        ...

    async def set_state(self, account: Account, path: SweepPath, state: SettableState) -> None:
        """Pause, resume, stop (FINISHED) or cancel a sweep.

        Twice, or on a sweep that is over already: nothing happens. Gone: SweepMissing. Late: try again.
        """
        ...

    async def resolve_entity(self, account: Account) -> str:
        """The default entity of the key; KeyRejected when the server does not know the key."""
        ...

    async def close(self) -> None:
        """Give up whatever is under way and close every connection. Twice: nothing happens."""
        ...
