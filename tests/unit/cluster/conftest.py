from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local_cluster.versions import PROGRAMS, binaries_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this folder sees or changes the user's clusters and programs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def cached_programs() -> Path:
    """A cache in which all programs are, as far as anybody looks."""
    folder = binaries_folder()
    folder.mkdir(parents=True)
    for program in PROGRAMS:
        (folder / program).touch(mode=0o755)
    return folder


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """Programs of our own before those of the machine."""
    folder = tmp_path / "stand-ins"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return StandIns(folder)


class StandIns:
    """Shell scripts on PATH that write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._calls = folder / "calls"

    def add(self, name: str, body: str = "") -> Path:
        script = self.folder / name
        script.write_text(f'#!/bin/sh\necho "{name} $*" >> {self._calls}\n{body}\n')
        script.chmod(0o755)
        return script

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []
