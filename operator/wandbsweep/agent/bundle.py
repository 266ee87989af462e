"""The runtime as one file that any Python from 3.10 on can run: the same sources make the same bytes."""

from __future__ import annotations

import io
import sys
import zipfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

BUNDLE_NAME: Final = "wandbsweep.pyz"

_SINGLE_FILES: Final = ("__init__.py", "sweep/__init__.py")
_RENDERING_FOLDER: Final = "sweep/rendering"
_AGENT_FOLDER: Final = "agent"
_LAUNCHERS_FOLDER: Final = "agent/launchers"

# A PID 1 loses signals for which it has no handler yet. Blocked ones wait until the inbox is open and unblocks them.
_MAIN = """\
import signal
import sys

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

from wandbsweep.agent.main import main

sys.exit(main(sys.argv[1:]))
"""

_EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE_MODE = 0o100644 << 16


def running_bundle() -> Path | None:
    """The bundle that this code was loaded from; None when it was loaded from an installed package."""
    main = sys.modules.get("__main__")
    origin = getattr(main, "__file__", None)
    if origin is None:
        return None
    # Inside a zip file the path of __main__ goes on behind the file's own name.
    file = Path(origin).resolve().parent
    return file if file.name == BUNDLE_NAME and file.is_file() else None


def bundle() -> bytes:
    """The zip archive, stored without compression: compressors differ between machines, and start-up is quicker."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(_contents()):
            entry = zipfile.ZipInfo(name, _EARLIEST_DATE)
            entry.external_attr = _PLAIN_FILE_MODE
            entry.create_system = 3  # Unix, whatever this is made on
            archive.writestr(entry, content)
    return buffer.getvalue()


def launchers() -> dict[str, bytes]:
    """The shell scripts that start the bundle, by the name of the command that each becomes."""
    folder = _package() / _LAUNCHERS_FOLDER
    return {file.name.removesuffix(".sh"): file.read_bytes() for file in folder.iterdir() if file.name.endswith(".sh")}


def _contents() -> Iterator[tuple[str, bytes]]:
    package = _package()
    yield "__main__.py", _MAIN.encode()
    for name in _SINGLE_FILES:
        yield f"wandbsweep/{name}", (package / name).read_bytes()
    for folder in (_RENDERING_FOLDER, _AGENT_FOLDER):
        for file in (package / folder).iterdir():
            if file.name.endswith(".py"):
                yield f"wandbsweep/{folder}/{file.name}", file.read_bytes()
    for name, script in launchers().items():
        yield f"wandbsweep/{_LAUNCHERS_FOLDER}/{name}.sh", script


def _package() -> Traversable:
    return resources.files("wandbsweep")
