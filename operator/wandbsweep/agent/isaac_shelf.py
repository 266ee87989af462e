"""One folder on the volume of caches: a seed that is whole or not there, and a mark of whoever is making it.

Pods of many nodes share the volume, perhaps over a network. All that is taken for granted is that making a folder and
renaming one are atomic. Ages are told by the clock of the file system.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BEAT_SECONDS: Final = 20.0
_DEAD_SECONDS: Final = 120.0
"""A mark that has not moved for so long is that of a pod that is gone."""

_FAILED_SECONDS: Final = 3600.0
"""How long a warm-up that failed is not tried again by pods that would rather train."""


class Shelf:
    """What is kept for one image, driver and GPU.

    Args:
        folder: on the volume; it is made here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seed = folder / "seed"
        self._mark = folder / "warming"
        self._failed = folder / "failed"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def is_filled(self) -> bool:
        """Whether there is a seed."""
        return self._seed.is_dir()

    @property
    def failed_lately(self) -> bool:
        """Whether the last warm-up failed, not long ago."""
        age = self._age(self._failed)
        return age is not None and age < _FAILED_SECONDS

    def fill(self, folders: Sequence[Path]) -> None:
        """Keep these folders of the container as they are now."""
        aside = self._folder / f"seed.{uuid.uuid4().hex}"
        for number, folder in enumerate(folders):
            copy_folder(folder, aside / str(number))
        aside.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # somebody was quicker: theirs is as good
            aside.rename(self._seed)
        shutil.rmtree(aside, ignore_errors=True)
        self._failed.unlink(missing_ok=True)

    def pour(self, folders: Sequence[Path]) -> list[str]:
        """Put what is kept into these folders of the container; returns those that cannot be written."""
        answers = [self._poured(number, folder) for number, folder in enumerate(folders)]
        return [answer for answer in answers if answer]

    def _poured(self, number: int, folder: Path) -> str | None:
        try:
            copy_folder(self._seed / str(number), folder)
        except OSError as error:
            return f"{folder}: {error.strerror}"
        return None

    def note_failure(self, message: str) -> None:
        """For pods that come later."""
        with contextlib.suppress(OSError):
            self._failed.write_text(message + "\n", encoding="utf-8")

    @contextmanager
    def marked(self) -> Iterator[bool]:
        """Whether this pod is the one that makes the seed; the mark is held for the duration.

        It is an economy: if two should take over the mark of a dead pod at the same time, both make a seed.
        """
        if not self._take():
            yield False
            return
        for rest in self._folder.glob("seed.*"):
            shutil.rmtree(rest, ignore_errors=True)
        done = threading.Event()
        beat = threading.Thread(target=self._beat, args=(done,), name="cache-mark", daemon=True)
        beat.start()
        try:
            yield True
        finally:
            done.set()
            beat.join()
            with contextlib.suppress(OSError):
                self._mark.rmdir()

    def _take(self) -> bool:
        try:
            self._mark.mkdir()
        except FileExistsError:
            age = self._age(self._mark)
            if age is not None and age < _DEAD_SECONDS:
                return False
        else:
            return True
        with contextlib.suppress(OSError):
            grave = self._mark.rename(self._folder / f"warming.{uuid.uuid4().hex}")
            grave.rmdir()
        try:
            self._mark.mkdir()
        except FileExistsError:
            return False
        return True

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(_BEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(self._mark)

    def _age(self, path: Path) -> float | None:
        try:
            touched_at = path.stat().st_mtime
            probe = self._folder / f".clock.{uuid.uuid4().hex}"
            probe.touch()
            now = probe.stat().st_mtime
            probe.unlink(missing_ok=True)
        except OSError:
            return None
        return now - touched_at


def copy_folder(source: Path, target: Path) -> None:
    """Files, links and folders of it, into what is there; sockets and the like, and files that vanish, are left out."""
    if not source.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            aim = target / entry.name
            if entry.is_symlink():
                aim.unlink(missing_ok=True)
                aim.symlink_to(Path(entry.path).readlink())
            elif entry.is_dir():
                copy_folder(Path(entry.path), aim)
            elif entry.is_file():
                _copy_file(Path(entry.path), aim)


def _copy_file(source: Path, target: Path) -> None:
    """With its times, by which caches tell what is stale."""
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(source, target)
        seen = source.stat()
        with contextlib.suppress(OSError):
            target.chmod(stat.S_IMODE(seen.st_mode) | stat.S_IRUSR | stat.S_IWUSR)
            os.utime(target, ns=(seen.st_atime_ns, seen.st_mtime_ns))
