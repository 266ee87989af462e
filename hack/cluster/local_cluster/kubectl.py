"""Runs kubectl against one cluster, with its own kubeconfig and its own cache, whatever the user's says."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from local_cluster.failures import ClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local_cluster.record import Folder


def kubectl(folder: Folder, binaries: Path, *arguments: str, manifest: str | None = None) -> str:
    """The output of a kubectl command; `manifest` is handed to it on its standard input."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(folder.kubeconfig),
        "KUBECACHEDIR": str(folder.path / "kubectl-cache"),
        "NO_PROXY": "*",
    }
    command: list[str | Path] = [binaries / "kubectl", *arguments]
    try:
        answer = subprocess.run(command, input=manifest, capture_output=True, text=True, env=environment, check=False)
    except FileNotFoundError as error:
        raise ClusterError(
            f"there is no kubectl in {binaries}", remedy="Make the programs: `python hack/cluster binaries`."
        ) from error
    if answer.returncode != 0:
        raise ClusterError(
            f"kubectl {' '.join(arguments)}: {answer.stderr.strip()}",
            remedy=f"Look at the cluster: `kubectl --kubeconfig {folder.kubeconfig} get all --all-namespaces`, and at "
            f"the logs in {folder.logs}.",
        )
    return answer.stdout


def apply_manifests(folder: Folder, binaries: Path, manifests: Sequence[Path]) -> None:
    for manifest in manifests:
        kubectl(folder, binaries, "apply", "--server-side", "-f", str(manifest))
