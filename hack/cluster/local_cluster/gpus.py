"""Stand-in GPUs: the scheduler counts them like real ones, so that a pool larger than they are stays Pending."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from local_cluster.kubectl import kubectl

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.record import Folder

RESOURCE: Final = "nvidia.com/gpu"


def set_gpus(folder: Folder, binaries: Path, node: str, count: int) -> None:
    """Give the node this many; none removes the resource. kubelet keeps what it does not know itself."""
    value = str(count) if count else None
    patch = {"status": {"capacity": {RESOURCE: value}, "allocatable": {RESOURCE: value}}}
    kubectl(
        folder, binaries, "patch", "node", node, "--subresource=status", "--type=merge", f"--patch={json.dumps(patch)}"
    )
