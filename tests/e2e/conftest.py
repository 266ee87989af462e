"""The product as a user installs it: chart and images of this tree, in the cluster that `make e2e` brought up."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest

from audits import refused_to
from installed import Installed, a_namespace, as_installed, install

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "wandbsweep"


@pytest.fixture(scope="session")
def installed(one_node_cluster, tmp_path_factory, worker_id) -> Iterator[Installed]:
    """The chart with its embedded server, installed anew by the first worker that asks; the others find it there.

    Whatever the tests made the operator do, the chart's rights were enough for it: at the end that is looked up.
    """
    folder = tmp_path_factory.getbasetemp()
    shared = folder if worker_id == "master" else folder.parent
    with (shared / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "installed").exists():
            install(one_node_cluster, NAMESPACE)
            (shared / "installed").touch()
    there = as_installed(one_node_cluster, NAMESPACE)
    yield there
    assert refused_to(one_node_cluster, NAMESPACE, since=there.since) == set()


@pytest.fixture
def robots(installed) -> Iterator[str]:
    """A namespace of the strictest pod security, with the API key in it; deleted afterwards with all that it holds."""
    with a_namespace(installed) as name:
        yield name
