"""Where finished images, wheels and the storage of buildah are kept, and who may write there."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from image_builder.catalogue import Image

# The last image and the one before it: going back and forth between two branches costs no build.
_KEPT_ARCHIVES = 2


def cache_folder() -> Path:
    """The folder of this project in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wandbsweep" / "images"


def archive_path(folder: Path, image: Image, inputs: str) -> Path:
    return folder / f"{image.name}-{inputs}.tar"


def list_of_packages(archive: Path) -> Path:
    """Where the list of an image's Python packages lies, beside its archive; it is in the image, too."""
    return archive.with_suffix(".cdx.json")


def drop_old_archives(folder: Path, image: Image) -> None:
    """Keep the newest tarballs of an image: each takes as much disk as the image itself."""
    ours = sorted(folder.glob(f"{image.name}-????????????????.tar"), key=lambda path: path.stat().st_mtime)
    for old in ours[:-_KEPT_ARCHIVES]:
        old.unlink(missing_ok=True)
        list_of_packages(old).unlink(missing_ok=True)


@contextlib.contextmanager
def exclusive(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """One build at a time in this cache; a second waits for the first."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another image build on this machine")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
