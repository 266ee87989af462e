"""wandb for images that lack it: the SDK and all that it needs, as files that a Python of any image can import.

They are copied from the installation that runs `wandbsweep install`. Compiled parts carry the version of their Python
in their names, so that those of several versions lie side by side: the operator's image has them for CPython 3.10 to
3.13. Another Python, or a machine of another kind, cannot import the tree, and its agent says so.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.atomic_file import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE: Final = "wandb"
PACKAGES: Final = "packages"
LATE: Final = "late"

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXECUTABLE = 0o111
_READ, _RUN = 0o644, 0o755

# Found first, it steps aside: the packages go behind all others, so that nothing of the image is replaced by them.
_LATE: Final = f"""\
import importlib
import os
import sys

late = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != late]
sys.path.append(os.path.join(os.path.dirname(late), {PACKAGES!r}))
del sys.modules["wandb"]
sys.modules["wandb"] = importlib.import_module("wandb")
"""


class NoWandbError(Exception):
    """The installation that should give wandb away has none; the message says what to do."""


def search_paths(folder: Path) -> tuple[str, ...]:
    """What may be added to PYTHONPATH, the gentler way first; nothing where the tree was not installed.

    Behind the packages of the image what is there of them is kept; should they not go together with wandb, its own
    come first.
    """
    tree = folder / TREE
    return (str(tree / LATE), str(tree / PACKAGES)) if (tree / PACKAGES).is_dir() else ()


def write_tree(folder: Path) -> None:
    """Makes the tree in this folder; complete when it appears, so that doing it twice is harmless."""
    tree = folder / TREE
    partial = tree / f"{PACKAGES}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for source in sorted(_top_levels("wandb")):
        _copy(source, partial / source.name)
    shutil.rmtree(tree / PACKAGES, ignore_errors=True)
    partial.rename(tree / PACKAGES)
    late = tree / LATE / "wandb"
    late.mkdir(parents=True, exist_ok=True)
    write_atomically(late / "__init__.py", _LATE.encode(), _READ)
    for made in (tree, tree / PACKAGES, late.parent, late):
        made.chmod(_RUN)


def _top_levels(name: str) -> set[Path]:
    """The folders and files in site-packages of a distribution and of all that it requires."""
    found: set[Path] = set()
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        try:
            distribution = importlib.metadata.distribution(wanted)
        except importlib.metadata.PackageNotFoundError:
            if wanted == name:
                raise NoWandbError(f"{name} is not installed beside wandbsweep: use the operator's image") from None
            continue  # its marker is not true here
        found |= {Path(str(distribution.locate_file(top))) for top in _tops(distribution)}
        waiting += _requirements(distribution)
    return found


def _tops(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    """First parts of its files' paths, without scripts, which lie outside, and without what Python left there."""
    for file in distribution.files or ():
        if file.parts[0] not in {"..", "__pycache__"}:
            yield file.parts[0]


def _requirements(distribution: importlib.metadata.Distribution) -> list[str]:
    """The names of what it cannot do without; extras are left out."""
    names = []
    for requirement in distribution.requires or ():
        name = _NAME.match(requirement)
        if name and not re.search(r";.*\bextra\s*==", requirement):
            names.append(re.sub(r"[-_.]+", "-", name.group()).lower())
    return names


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir(exist_ok=True)
        target.chmod(_RUN)
        for child in source.iterdir():
            if child.name != "__pycache__":
                _copy(child, target / child.name)
    elif source.is_file():
        shutil.copyfile(source, target)
        target.chmod(_RUN if source.stat().st_mode & _EXECUTABLE else _READ)
