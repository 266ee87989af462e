"""Tells the person at the prompt what is going on, and runs the programs that take long enough to need it."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from local_cluster.failures import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_HEARTBEAT_SECONDS = 20.0
_POLL_SECONDS = 0.1


@dataclass
class Progress:
    """Prints each step with the time since the start; the output of programs goes to a log."""

    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", file=sys.stderr, flush=True)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        what: str,
        remedy: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        describe: Callable[[], str] | None = None,
    ) -> None:
        """Run a program to its end; `describe` adds to the line that is printed every 20 seconds."""
        self.say(what)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as output:
            output.write(f"\n$ {' '.join(map(str, command))}\n")
            output.flush()
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=folder
                )
            except FileNotFoundError as error:
                raise ClusterError(f"{what}: {command[0]} is not installed", remedy=remedy) from error
            try:
                code = self._wait(process, what, describe)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if code != 0:
            raise ClusterError(f"{what} ({Path(command[0]).name} ended with {code})", remedy=remedy, log=log)

    def _wait(self, process: subprocess.Popen[bytes], what: str, describe: Callable[[], str] | None) -> int:
        began = told = time.monotonic()
        while (code := process.poll()) is None:
            time.sleep(_POLL_SECONDS)
            now = time.monotonic()
            if now - told >= _HEARTBEAT_SECONDS:
                told = now
                more = f", {describe()}" if describe is not None else ""
                self.say(f"  {what}: still at it after {now - began:.0f} s{more}")
        return code


def wait_until(condition: Callable[[], bool], *, within_seconds: float, every_seconds: float = 0.1) -> bool:
    """Ask until the answer is yes (True) or the time is over (False)."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every_seconds)
    return True
