"""Tells W&B that a run is alive while a process of its trial works that perhaps does not talk to W&B at all.

The SDK does the same while its process has the run open. A run that says nothing for some minutes counts as crashed.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandbsweep.agent.wandb_run import RunReporter

_EVERY_SECONDS: Final = 30.0
_LAST_SECONDS: Final = 2.0
"""How long a sign of life that is under way may delay the end: it must not come after the run's last word."""


@contextlib.contextmanager
def signs_of_life(reporter: RunReporter | None, every: float = _EVERY_SECONDS) -> Iterator[None]:
    """For the time of one process; without a reporter there is nobody to be told."""
    if reporter is None:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(reporter, every, over), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_LAST_SECONDS)


def _beat(reporter: RunReporter, every: float, over: threading.Event) -> None:
    while not over.wait(every):
        reporter.show_life()
