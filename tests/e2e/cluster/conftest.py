from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters import Cluster, hack_cluster, name_for_this_run, open_cluster, remove_orphans
from shell_image import write_shell_image

if TYPE_CHECKING:
    from collections.abc import Iterator


class OwnCluster:
    """A one-node cluster that a test starts, breaks and removes."""

    def __init__(self, name: str, shell_image: Path) -> None:
        self.name = name
        self._shell_image = shell_image
        self.client: Cluster

    def run(self, *arguments: str) -> str:
        command, *more = arguments
        answer = hack_cluster(command, "--name", self.name, *more)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def up(self, *more: str) -> Cluster:
        self.run("up", "--provider=onenode", *more)
        self.run("load", str(self._shell_image))
        self.client = open_cluster(self.name)
        # Pods are refused before their account exists.
        self.client.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
        return self.client

    @property
    def folder(self) -> Path:
        return Path(self.run("kubeconfig")).parent


def _worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "")


@pytest.fixture(scope="session")
def shell_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = tmp_path_factory.mktemp("images") / "shell.tar"
    write_shell_image(archive)
    return archive


@pytest.fixture(scope="module")
def second(shell_image: Path) -> Iterator[OwnCluster]:
    """A cluster beside the one of the other end-to-end tests."""
    remove_orphans()
    cluster = OwnCluster(name_for_this_run(f"e2e-second{_worker()}"), shell_image)
    cluster.up("--gpus=2")
    yield cluster
    cluster.run("down")


@pytest.fixture
def passing(shell_image: Path) -> Iterator[OwnCluster]:
    """The name of a cluster that one test brings up and takes down."""
    cluster = OwnCluster(name_for_this_run(f"e2e-passing{_worker()}"), shell_image)
    yield cluster
    cluster.run("down")
