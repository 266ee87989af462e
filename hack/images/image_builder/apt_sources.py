"""Which Debian mirror this machine's own apt uses. No host name is written down in this repository."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from image_builder.failures import BuildError
from image_builder.host_packages import refresh_package_lists

if TYPE_CHECKING:
    from image_builder.steps import Steps

_FORMAT = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(ORIGIN)|$(LABEL)"


@dataclass(frozen=True)
class DebianMirror:
    """The archive and, where the machine uses one, the archive of security fixes."""

    archive: str
    security: str | None

    def sources_list(self, suite: str) -> str:
        """What /etc/apt/sources.list of the base image holds."""
        lines = [f"deb {self.archive} {suite} main", f"deb {self.archive} {suite}-updates main"]
        if self.security is not None:
            lines.append(f"deb {self.security} {suite}-security main")
        return "\n".join(lines) + "\n"


def parse_index_targets(text: str) -> DebianMirror | None:
    """Read the lines of `apt-get indextargets`; None where apt knows no Debian archive."""
    archive = security = None
    for line in text.splitlines():
        uri, _, component, origin, label = line.split("|")
        if origin != "Debian" or component != "main":
            continue
        if label == "Debian":
            archive = archive or uri
        elif label == "Debian-Security":
            security = security or uri
    return DebianMirror(archive, security) if archive else None


def debian_mirror(steps: Steps) -> DebianMirror:
    """Ask apt, which knows its sources by what it fetched from them: it is made to fetch where it has not."""
    mirror = _known_mirror()
    if mirror is None:
        refresh_package_lists(steps)
        mirror = _known_mirror()
    if mirror is None:
        raise BuildError(
            "find a Debian mirror in this machine's apt sources",
            remedy="Add a Debian archive to the apt sources, or give the builder access to a registry.",
        )
    return mirror


def _known_mirror() -> DebianMirror | None:
    answer = subprocess.run(
        ["apt-get", "indextargets", "--format", _FORMAT], capture_output=True, text=True, check=False
    )
    return parse_index_targets(answer.stdout)
