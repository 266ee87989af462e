"""The one error of this tool: what failed, what to do about it, and where the whole story is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_LINES = 8


class BuildError(Exception):
    """A step failed. Shown to the person at the prompt without a traceback."""

    def __init__(self, what: str, *, remedy: str, log: Path | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.log = log

    def report(self) -> str:
        """The lines for the terminal: what failed, the end of the log, what to do."""
        lines = [f"failed: {self.what}"]
        if self.log is not None and self.log.exists():
            tail = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
            lines += [f"    | {line}" for line in tail]
        lines.append(f"what to do: {self.remedy}")
        if self.log is not None:
            lines.append(f"whole log: {self.log}")
        return "\n".join(lines)
