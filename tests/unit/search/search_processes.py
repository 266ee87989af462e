"""`wandbsweep search` in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waiting import until

if TYPE_CHECKING:
    import signal

    from servers import RunningServer

OPERATOR = Path(__file__).parents[3] / "operator"


@dataclass
class SearchProcess:
    """One search, its log and its last words."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def last_words(self) -> dict[str, Any]:
        words = json.loads((self.folder / "last-words").read_bytes())
        assert isinstance(words, dict)
        return words

    @property
    def is_ready(self) -> bool:
        return (self.folder / "ready").exists()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def code(self, *, seconds: float = 150) -> int:
        """Waits for its end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {seconds} s:\n{self.log}") from None

    def says(self, words: str, *, seconds: float = 90) -> None:
        """Waits for these words in the log."""

        def said() -> bool:
            assert words in self.log or self.process.poll() is None, self.log
            return words in self.log

        until(said, f"the search says {words!r}", seconds=seconds)


class Searches:
    """Starts searches and leaves none behind."""

    def __init__(self, folder: Path, server: RunningServer) -> None:
        self._folder = folder
        self._server = server
        self._all: list[SearchProcess] = []

    def start(self, *arguments: str, **environment: str) -> SearchProcess:
        folder = self._folder / f"search-{len(self._all)}"
        folder.mkdir(parents=True)
        told = {"WANDBSWEEP_TERMINATION_LOG": str(folder / "last-words"), "PYTHONPATH": str(OPERATOR), **environment}
        words = [sys.executable, "-m", "wandbsweep", "search", f"--ready-file={folder / 'ready'}", *arguments]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                words, env=self._server.environment(**told), cwd=folder, stdout=log, stderr=log, start_new_session=True
            )
        self._all.append(SearchProcess(folder, process))
        return self._all[-1]

    def close(self) -> None:
        for search in self._all:
            if search.process.poll() is None:
                search.process.kill()
                search.process.wait()
