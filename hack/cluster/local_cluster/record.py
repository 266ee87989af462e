"""The folder of one cluster and what is written in it about the cluster."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from local_cluster.credentials import Credentials, write_private
from local_cluster.failures import ClusterError
from local_cluster.folders import clusters_folder

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


class Kind(StrEnum):
    """What runs under a cluster's name."""

    ONE_NODE = "one-node"
    CONTROL_PLANE = "control-plane"
    KIND = "kind"


@dataclass(frozen=True)
class Record:
    """What must be known about a cluster to find, judge and remove it."""

    kind: Kind
    server: str = ""
    gpus: int = 0
    block: int = 0  # which of the address blocks a one-node cluster has
    complete: bool = False  # it was ready once; a killed start leaves this False


@dataclass(frozen=True)
class Folder:
    """Everything that belongs to one cluster lies under `path`."""

    name: str
    path: Path

    @classmethod
    def of(cls, name: str) -> Folder:
        if not _NAME.fullmatch(name):
            raise ClusterError(
                f"{name!r} cannot be the name of a cluster",
                remedy="Use at most 40 lower case letters, digits and dashes, a letter or digit first and last.",
            )
        return cls(name, clusters_folder() / name)

    @property
    def lock(self) -> Path:
        return self.path.with_name(f".{self.name}.lock")

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.path / "credentials")

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    def write(self, record: Record) -> None:
        write_private(self.path / "cluster.json", json.dumps(asdict(record), indent=1) + "\n")

    def read(self) -> Record | None:
        """None if there is no cluster of this name, or if its record was cut short or is of another version."""
        try:
            values = json.loads((self.path / "cluster.json").read_text())
            return Record(**{**values, "kind": Kind(values["kind"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def all_folders() -> list[Folder]:
    """The folders of the clusters that exist, by name."""
    home = clusters_folder()
    if not home.is_dir():
        return []
    return [Folder(each.name, each) for each in sorted(home.iterdir()) if each.is_dir() and _NAME.fullmatch(each.name)]
