"""SIGTERM and SIGINT: the first asks the scheduler to end its step, the second ends the process, and so does time."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from typing_extensions import Self

_log = logging.getLogger("wandbsweep.search")

_GRACE_SECONDS: Final = 20.0


class Stopping:
    """Handles the signals of the main thread. The SDK's scheduler puts its own handler of SIGINT over this one.

    Args:
        at_once: ends the process, from whichever thread.
    """

    def __init__(self, at_once: Callable[[], None]) -> None:
        self._at_once = at_once
        self._requested = threading.Event()
        self._timer: threading.Timer | None = None
        self.starting = False
        """Whether the scheduler is being started, which nothing but an exception interrupts."""

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def requested(self) -> bool:
        return self._requested.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether to stop, at the latest after so many seconds."""
        return self._requested.wait(seconds)

    def stop_scheduler(self) -> None:
        """As the first SIGINT would, from whichever thread: what was handed out is delivered, then it returns."""
        if self._scheduler_listens() and (main := threading.main_thread().ident) is not None:
            signal.pthread_kill(main, signal.SIGINT)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            self._at_once()
            return
        self._requested.set()
        _log.info("%s: ending the current step", signal.Signals(number).name)
        self._timer = threading.Timer(_GRACE_SECONDS, self._at_once)
        self._timer.daemon = True
        self._timer.start()
        handler = signal.getsignal(signal.SIGINT)
        if self._scheduler_listens() and callable(handler):
            handler(signal.SIGINT, frame)
        elif self.starting:
            raise KeyboardInterrupt

    def _scheduler_listens(self) -> bool:
        return signal.getsignal(signal.SIGINT) != self._on_signal
