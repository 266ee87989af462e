"""Runs the outside programs of a build, one step at a time, and tells the person how far it is."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from image_builder.failures import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEARTBEAT_SECONDS = 10.0
_POLL_SECONDS = 0.2


@dataclass
class Steps:
    """Prints each step with the time since the start; the programs' own output goes to a log."""

    log: Path
    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        elapsed = time.monotonic() - self.started
        print(f"[{elapsed:6.1f} s] {text}", file=sys.stderr, flush=True)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        what: str,
        remedy: str,
        env: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        """Run a program to its end. `what` is printed before, and named in the error when it fails."""
        self.say(what)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as log:
            log.write(f"\n$ {' '.join(map(str, command))}\n")
            log.flush()
            try:
                process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)
            except FileNotFoundError as error:
                raise BuildError(f"{what}: {command[0]} is not installed", remedy=remedy, log=self.log) from error
            try:
                code = self._wait(process, what, timeout_seconds)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if code != 0:
            raise BuildError(f"{what} ({Path(command[0]).name} ended with {code})", remedy=remedy, log=self.log)

    def _wait(self, process: subprocess.Popen[bytes], what: str, timeout_seconds: float | None) -> int:
        began = told = time.monotonic()
        while (code := process.poll()) is None:
            time.sleep(_POLL_SECONDS)
            now = time.monotonic()
            if timeout_seconds is not None and now - began > timeout_seconds:
                raise BuildError(
                    f"{what}: no end after {timeout_seconds:.0f} s",
                    remedy="Look at the log, and run the command again.",
                    log=self.log,
                )
            if now - told > _HEARTBEAT_SECONDS:
                told = now
                self.say(f"  still at it after {now - began:.0f} s: {self._last_line()}")
        return code

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").rstrip().splitlines()
        return lines[-1].rpartition("\r")[2].strip()[:100] if lines else ""
