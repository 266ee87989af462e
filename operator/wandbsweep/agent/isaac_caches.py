"""Warm caches before the first trial: poured in from the volume, else filled by one pod while the others wait.

Nothing here keeps an agent from training: caches that cannot be had are cold, and the log says why.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.isaac_shelf import Shelf

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from wandbsweep.agent.gpu import Gpu
    from wandbsweep.agent.isaac_settings import CacheSettings

_LOOK_SECONDS: Final = 5.0
_TICK_SECONDS: Final = 0.2
_TERM_SECONDS: Final = 10.0


class State(Enum):
    """How the caches of this container are."""

    RESTORED = "restored"
    WARMED = "warmed"
    FAILED = "failed"
    UNUSABLE = "unusable"
    STOPPED = "stopped"

    @property
    def is_warm(self) -> bool:
        """Whether simulators of this container start quickly."""
        return self in {State.RESTORED, State.WARMED}


@dataclass(frozen=True)
class Warmth:
    """What became of the caches, and a sentence about it."""

    state: State
    message: str


def warm(
    settings: CacheSettings,
    gpu: Gpu,
    environment: Mapping[str, str],
    stop: threading.Event,
    *,
    insist: bool = False,
) -> Warmth:
    """Fills this container's caches. With `insist` also after a warm-up that failed lately."""
    key = settings.key(gpu)
    try:
        shelf = Shelf(settings.volume / key)
        return _warm(shelf, key, settings, environment, stop, insist=insist)
    except OSError as error:
        where = error.filename or settings.volume
        return Warmth(State.UNUSABLE, f"Caches begin cold: {where} cannot be used ({error.strerror}).")


def _warm(
    shelf: Shelf,
    key: str,
    settings: CacheSettings,
    environment: Mapping[str, str],
    stop: threading.Event,
    *,
    insist: bool,
) -> Warmth:
    give_up_at = time.monotonic() + settings.seconds
    while not shelf.is_filled:
        if not settings.seconds:
            return Warmth(State.FAILED, f"Caches begin cold: nobody has filled {key}, and no warm-up is wanted.")
        if shelf.failed_lately and not insist:
            return Warmth(State.FAILED, f"Caches begin cold: the last warm-up of {key} failed.")
        with shelf.marked() as is_ours:
            if is_ours and not shelf.is_filled:
                return _fill(shelf, key, settings, environment, stop)
        if time.monotonic() >= give_up_at:
            return Warmth(State.FAILED, f"Caches begin cold: another pod's warm-up of {key} takes too long.")
        if stop.wait(min(_LOOK_SECONDS, settings.seconds)):
            return Warmth(State.STOPPED, "Asked to end while another pod was warming up.")
    if refused := shelf.pour(settings.folders):
        return Warmth(State.UNUSABLE, f"Some caches begin cold: {'; '.join(refused)}.")
    return Warmth(State.RESTORED, f"Caches were taken from {key}.")


def _fill(
    shelf: Shelf, key: str, settings: CacheSettings, environment: Mapping[str, str], stop: threading.Event
) -> Warmth:
    began_at = time.monotonic()
    problem = _run(settings, environment, stop)
    if stop.is_set():
        return Warmth(State.STOPPED, "Asked to end during the warm-up.")
    if problem:
        message = f"The warm-up of {key} {problem}."
        shelf.note_failure(message)
        return Warmth(State.FAILED, message)
    shelf.fill(settings.folders)
    return Warmth(State.WARMED, f"The warm-up filled {key} in {time.monotonic() - began_at:.0f} s.")


def _run(settings: CacheSettings, environment: Mapping[str, str], stop: threading.Event) -> str | None:
    """What went wrong; None if all is well. Its output goes where the container's does."""
    sys.stderr.write(f"wandbsweep: warming up caches: {settings.command[0]} ...\n")
    until = time.monotonic() + settings.seconds
    try:
        process = subprocess.Popen(
            settings.command, env=dict(environment), stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        return f"could not be started: {settings.command[0]}: {error.strerror}"
    try:
        while process.poll() is None:
            if stop.wait(_TICK_SECONDS):
                return "was asked to end"
            if time.monotonic() >= until:
                return f"was ended: it took more than {settings.seconds} s"
    finally:
        _end(process)
    return None if process.returncode == 0 else f"ended with code {process.returncode}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_TERM_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
