"""What can go wrong between the operator and a W&B server: one class per thing that somebody handles.

The text of each error is one line for a user's eyes: it names the server, what happened and what to do, and never holds
the API key. `reason` is the condition reason it will be shown as; the exception behind it is chained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.protocol import SweepReading


class TrackingError(Exception):
    """A call to a W&B server did not do what was asked.

    Attributes:
        reason: the condition reason (CamelCase) that this is shown as.
        retry_after_seconds: how long the server asked callers to wait, where it did.
    """

    default_reason: ClassVar[str] = "ServerError"

    def __init__(self, message: str, *, reason: str | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason or self.default_reason
        self.retry_after_seconds = retry_after_seconds


class Unreachable(TrackingError):  # noqa: N818 - named as the user sees it: the server is unreachable
    """The server could not be reached or did not answer in time; trying again later is right."""

    default_reason = "ServerUnreachable"


class NeverSent(Unreachable):
    """Unreachable before anything of the request left this machine: the server knows nothing of it."""


class ServerFault(TrackingError):  # noqa: N818 - see Unreachable
    """The server answered, but with a failure of its own or with something that is not W&B's protocol."""

    default_reason = "ServerError"


class RequestRefused(ServerFault):
    """The server understood a request and would not carry it out; to ask the same again is no use."""


class RateLimited(TrackingError):  # noqa: N818 - see Unreachable
    """The server asks for fewer requests; nothing was done."""

    default_reason = "RateLimited"


class KeyRejected(TrackingError):  # noqa: N818 - see Unreachable
    """The server does not know the API key, or the key may not do this. Trying again is no use until it changes."""

    default_reason = "APIKeyInvalid"


class SweepMissing(TrackingError):  # noqa: N818 - see Unreachable
    """The server has no such sweep, or no such project."""

    default_reason = "SweepNotFound"


class ConfigRejected(TrackingError):  # noqa: N818 - see Unreachable
    """The server understood the request to create a sweep and refused it. The sweep must change."""

    default_reason = "SweepRejected"


class AmbiguousCreateError(TrackingError):
    """A create was sent, and nobody knows whether the server carried it out.

    Raised when the answer was lost, late, unreadable or a server's failure. The caller must look the sweep up by its
    marker before it creates again, and not before `retry_after_seconds`, because a slow server may still be at it.
    `reason` tells the cause apart (ServerUnreachable or ServerError).
    """

    default_reason = "ServerUnreachable"


class PartialReadError(TrackingError):
    """Some sweeps of one read could be read and others not, for instance where the key may not see one project.

    Attributes:
        readings: what was read, as `read` returns it.
        failures: the error of each remaining sweep. `reason` and the message are those of the first.
    """

    def __init__(
        self,
        readings: Mapping[SweepPath, SweepReading | None],
        failures: Mapping[SweepPath, TrackingError],
    ) -> None:
        path, first = next(iter(failures.items()))
        super().__init__(
            f"{len(failures)} of {len(failures) + len(readings)} sweeps could not be read; {path}: {first}",
            reason=first.reason,
            retry_after_seconds=first.retry_after_seconds,
        )
        self.readings = readings
        self.failures = failures
