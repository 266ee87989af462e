"""Ends a trainer whose launcher was killed.

W&B's agent answers a cancelled sweep, and a trial that will not stop, with SIGKILL to the launcher. Nobody can catch
that, and the trainer, which lives in a session of its own, would keep the GPU. So a shell waits at the end of a pipe
that only the launcher holds: when it closes without a word of farewell, the shell kills the trainer's process group.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = "trap '' TERM INT HUP; read -r group || exit 0; read -r farewell || kill -s KILL -- \"-$group\""


class Guardian:
    """The shell, and the writing end of its pipe."""

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "wandbsweep-guardian"],
            stdin=reader,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reader)
        self._watching = False

    @property
    def pid(self) -> int:
        """The shell's own process."""
        return self._shell.pid

    def watch(self, group: int) -> None:
        """From now on the death of this process is the death of the group."""
        self._watching = True
        self._say(str(group))

    def dismiss(self) -> None:
        """The trainer is gone; nothing is left to guard."""
        if self._watching:
            self._say("farewell")
        os.close(self._writer)
        self._shell.wait()

    def _say(self, word: str) -> None:
        # A shell that somebody killed guards nothing, but the trainer must not suffer for it.
        with contextlib.suppress(OSError):
            os.write(self._writer, word.encode() + b"\n")


@contextlib.contextmanager
def guarded() -> Iterator[Guardian]:
    """A guardian for the time of one trainer."""
    guardian = Guardian()
    try:
        yield guardian
    finally:
        guardian.dismiss()
