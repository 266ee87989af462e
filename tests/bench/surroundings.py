"""What every measurement needs: an API server, a W&B server, namespaces, and operators in some of them."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters import ROOT, hack_cluster, open_cluster
from kube_client import Kube
from operators import RunningOperator, running_operator
from places import Place, a_place
from servers import RunningServer, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Surroundings:
    """One control plane without nodes (pods stay pending) and one W&B server on the loopback interface."""

    kube: Kube
    server: RunningServer
    folder: Path

    @contextmanager
    def place(self, name: str) -> Iterator[Place]:
        with a_place(self.kube, f"bench-{name}", self.server) as place:
            place.give_key()
            yield place

    @contextmanager
    def operated(self, name: str) -> Iterator[tuple[Place, RunningOperator]]:
        """A namespace and an operator for it alone, fresh from its start."""
        with (
            self.place(name) as place,
            running_operator(self.folder / name, self.kube.kubeconfig, self.server.url, place.namespace) as operator,
        ):
            yield place, operator


@contextmanager
def surroundings(folder: Path) -> Iterator[Surroundings]:
    """Started here, and stopped whatever happens."""
    name = f"bench-{os.getpid()}"
    crds = [f"--apply={path}" for path in sorted((ROOT / "crds").glob("*.yaml"))]
    try:
        _run("up", "--name", name, "--control-plane-only", *crds)
        cluster = open_cluster(name)
        with running_server(folder / "server") as server:
            yield Surroundings(Kube(cluster.kubeconfig, cluster.kubectl_path), server, folder)
    finally:
        _run("down", "--name", name)


def _run(*arguments: str) -> None:
    done = hack_cluster(*arguments)
    if done.returncode:
        sys.exit(done.stderr)
