"""The one error of this tool: what failed, what to do about it, and where the whole story is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_LINES = 12


class ClusterError(Exception):
    """A step failed. Shown to the person at the prompt without a traceback."""

    def __init__(self, what: str, *, remedy: str, log: Path | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.log = log
        self._tail = tail(log) if log is not None else []

    def report(self) -> str:
        """The lines for the terminal: what failed, the end of the log, what to do."""
        lines = [f"failed: {self.what}", *(f"    | {line}" for line in self._tail), f"what to do: {self.remedy}"]
        if self.log is not None and self.log.exists():
            lines.append(f"whole log: {self.log}")
        return "\n".join(lines)


def tail(log: Path, lines: int = _TAIL_LINES) -> list[str]:
    """The last lines of a log, none if there is no log."""
    try:
        return log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
