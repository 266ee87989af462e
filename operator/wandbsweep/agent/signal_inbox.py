"""Signals as messages: the handler records nothing but the number, and whoever waits acts on it."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from types import FrameType, TracebackType

_READ_SIZE = 4096


@final
class SignalInbox:
    """Receives the given signals of this process from `with` on, in the order of their arrival.

    Only the main thread may enter it; Python allows no other to set handlers.
    """

    def __init__(self, signals: Iterable[signal.Signals]) -> None:
        self._signals = frozenset(signals)
        self._previous: dict[signal.Signals, Any] = {}
        self._previous_wakeup = -1
        self._reader = -1
        self._writer = -1

    def __enter__(self) -> SignalInbox:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._previous_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._previous = {signum: signal.signal(signum, _leave_it_to_the_pipe) for signum in self._signals}
        # The bundle blocks some of them until here, so that none is lost while it starts.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._signals)
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        signal.set_wakeup_fd(self._previous_wakeup)
        os.close(self._reader)
        os.close(self._writer)

    def wait_for(self, signals: Collection[signal.Signals]) -> bool:
        """Whether one of these has arrived since the inbox was last emptied, which this does."""
        return any(signum in signals for signum in self.wait(0))

    def wait(self, timeout: float | None) -> list[signal.Signals]:
        """The signals that have arrived; waits for the first one, at most so many seconds (None: for ever)."""
        readable, _, _ = select.select([self._reader], [], [], timeout)
        if not readable:
            return []
        return [signal.Signals(number) for number in os.read(self._reader, _READ_SIZE) if number in self._signals]


def _leave_it_to_the_pipe(signum: int, frame: FrameType | None) -> None:
    """A handler must exist for the interpreter to write the number into the pipe; there is nothing else to do."""
