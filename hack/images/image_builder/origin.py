"""Where an image comes from: version, commit and date of this checkout, for the labels of the image."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
VERSION_FILE = "operator/wandbsweep/__init__.py"


@dataclass(frozen=True)
class Origin:
    """A checkout. Without git, as in an unpacked archive, commit and date are empty."""

    version: str
    revision: str
    created: str

    @classmethod
    def of(cls, root: Path) -> Origin:
        changed = bool(_git(root, "status", "--porcelain"))
        revision = _git(root, "rev-parse", "HEAD")
        return cls(
            version=version_of(root),
            revision=f"{revision}-changed" if revision and changed else revision,
            created=_git(root, "log", "-1", "--format=%cI"),
        )

    def as_defaults_of(self, dockerfile: str) -> str:
        """The Dockerfile with these facts as the defaults of its arguments of the same names."""
        facts = {"VERSION": self.version, "REVISION": self.revision, "CREATED": self.created}
        for name, value in facts.items():
            dockerfile = re.sub(rf"^ARG {name}=$", f"ARG {name}={value}", dockerfile, flags=re.MULTILINE)
        return dockerfile


def version_of(root: Path) -> str:
    """The version of the package in this checkout."""
    match = _VERSION.search((root / VERSION_FILE).read_text(encoding="utf-8"))
    return match[1] if match else ""


def _git(root: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
