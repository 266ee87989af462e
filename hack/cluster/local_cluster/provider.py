"""What every way of running a cluster offers to the life cycle: start, judge, stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local_cluster.progress import Progress
    from local_cluster.record import Folder, Kind, Record


@dataclass(frozen=True)
class Request:
    """What the person asked for."""

    gpus: int | None = None  # None leaves the number as it is; a new cluster then has none
    # Applied before the controllers start: the garbage collector looks for new resource kinds only twice a minute.
    manifests: Sequence[Path] = ()


class Provider(Protocol):
    """One way of running a cluster. The life cycle holds the cluster's lock around each call."""

    @property
    def kind(self) -> Kind: ...

    def require(self, progress: Progress) -> None:
        """Install what such a cluster needs of the machine, or say what is missing, before anything is begun."""
        ...

    def start(self, folder: Folder, request: Request, progress: Progress) -> Record:
        """Start in an empty folder. Whatever an interrupted start leaves, `clear` removes."""
        ...

    def is_healthy(self, folder: Folder, record: Record) -> bool:
        """Whether a cluster that was complete still is: all processes there, the API server ready."""
        ...

    def adjust(self, folder: Folder, record: Record, request: Request) -> Record:
        """Bring a healthy cluster to the request: the number of stand-in GPUs, the manifests."""
        ...

    def load(self, folder: Folder, archive: Path) -> None:
        """Put the images of an archive on the node."""
        ...

    def host_address(self, folder: Folder, record: Record) -> str:
        """The machine's address as pods see it: a server that listens there can be reached from them."""
        ...

    def clear(self, folder: Folder) -> None:
        """End and remove everything outside the folder; nothing to do is success."""
        ...
