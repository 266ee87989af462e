"""A control plane without a node, started as a person would, looked at with kubectl and from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters import Cluster, hack_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@dataclass
class Home:
    """A place for clusters that no other test uses; the programs come from the user's cache."""

    path: Path
    kubectl_path: str
    names: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {"XDG_STATE_HOME": str(self.path)}

    def run(self, *arguments: str) -> str:
        answer = hack_cluster(*arguments, environment=self.environment)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def up(self, name: str, *more: str) -> Cluster:
        self.run("up", "--name", name, "--control-plane-only", *more)
        return Cluster(name, Path(self.run("kubeconfig", "--name", name)), self.kubectl_path)

    def states(self) -> dict[str, str]:
        rows = [line.split() for line in self.run("status").splitlines()[1:]]
        return {row[0]: row[2] for row in rows}

    def processes(self, name: str) -> list[int]:
        """The processes whose command line names the folder of the cluster."""
        mark = f"{self.path}/wandbsweep/clusters/{name}/".encode()
        return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if mark in _command_line(entry)]


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # it ended while we looked
        return b""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path, hack_cluster("path", "kubectl").stdout.strip())
    yield home
    for name in home.states():
        home.run("down", "--name", name)


def test_two_run_side_by_side_and_do_not_see_each_other(home: Home) -> None:
    one, two = home.up("one"), home.up("two")
    assert one.url != two.url
    one.kubectl("create", "namespace", "only-in-one")
    assert "only-in-one" not in two.kubectl("get", "namespaces")
    assert two.try_kubectl("--server", one.url, "--insecure-skip-tls-verify", "get", "namespaces").returncode != 0
    assert home.states() == {"one": "healthy", "two": "healthy"}

    home.run("down", "--name", "one")
    assert home.states() == {"two": "healthy"}
    assert two.kubectl("get", "--raw=/readyz") == "ok"


def test_the_version_is_the_one_that_was_asked_for(home: Home) -> None:
    versions = json.loads(home.up("one").kubectl("version", "--output=json"))
    assert versions["serverVersion"]["gitVersion"] == versions["clientVersion"]["gitVersion"]
    assert re.fullmatch(r"v1\.\d+\.\d+", versions["serverVersion"]["gitVersion"])


def test_up_keeps_a_healthy_cluster(home: Home) -> None:
    cluster = home.up("one")
    cluster.kubectl("create", "namespace", "kept")
    before = home.processes("one")
    began = time.monotonic()
    assert home.up("one").url == cluster.url
    assert time.monotonic() - began < 10
    assert home.processes("one") == before
    cluster.kubectl("get", "namespace", "kept")


def test_up_starts_anew_when_everything_was_killed(home: Home) -> None:
    home.up("one")
    for pid in home.processes("one"):
        os.kill(pid, signal.SIGKILL)
    assert home.states() == {"one": "broken"}
    assert home.up("one").kubectl("get", "--raw=/readyz") == "ok"


def test_up_starts_anew_when_one_component_was_killed(home: Home) -> None:
    home.up("one")
    before = home.processes("one")
    os.kill(before[0], signal.SIGKILL)
    assert home.up("one").kubectl("get", "--raw=/readyz") == "ok"
    assert not set(before) & set(home.processes("one"))


@pytest.mark.parametrize("moment", [0.4, 2.0])
def test_up_copes_with_what_a_killed_start_left(home: Home, moment: float) -> None:

    root = Path(__file__).parents[3]
    start = subprocess.Popen(
        [sys.executable, root / "hack/cluster", "up", "--name=one", "--control-plane-only"],
        env={**os.environ, **home.environment},
        stderr=subprocess.DEVNULL,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        start.wait(timeout=moment)  # the moment at which it is killed is what this test varies
    start.kill()
    start.wait()
    assert home.up("one").kubectl("get", "--raw=/readyz") == "ok"
    assert home.states() == {"one": "healthy"}


def test_down_leaves_nothing(home: Home) -> None:
    home.up("one")
    assert len(home.processes("one")) == 4
    home.run("down", "--name", "one")
    assert home.processes("one") == []
    assert list((home.path / "wandbsweep/clusters").iterdir()) == []


def test_down_finds_the_processes_of_a_folder_that_was_removed_by_hand(home: Home) -> None:
    home.up("one")
    (home.path / "wandbsweep/clusters/one").rename(home.path / "elsewhere")
    home.run("down", "--name", "one")
    assert home.processes("one") == []


def test_the_users_kubeconfig_is_never_touched(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = tmp_path / "home/.kube/config"
    users.parent.mkdir(parents=True)
    users.write_text("the user's own\n")
    environment = {"HOME": str(tmp_path / "home"), "KUBECONFIG": str(users), "XDG_CACHE_HOME": _cache_home()}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    home.up("one")
    home.run("down", "--name", "one")
    assert users.read_text() == "the user's own\n"
    assert list(users.parent.iterdir()) == [users]


def _cache_home() -> str:
    return os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")


def test_a_name_that_is_a_control_plane_cannot_become_a_node(home: Home) -> None:
    home.up("one")
    answer = hack_cluster("up", "--name", "one", "--provider", "onenode", environment=home.environment)
    assert answer.returncode == 1
    assert "is a control-plane cluster" in answer.stderr
    assert home.states() == {"one": "healthy"}


def test_the_garbage_collector_knows_the_manifests_kinds_from_its_first_moment(home: Home, tmp_path: Path) -> None:
    manifest = tmp_path / "crd.yaml"
    manifest.write_text(_CRD)
    cluster = home.up("one", f"--apply={manifest}")
    cluster.kubectl("wait", "--for=condition=Established", "crd/owners.example.dev", "--timeout=20s")
    cluster.kubectl("apply", "-f", "-", input=_OWNER)
    uid = cluster.get("owner", "parent")["metadata"]["uid"]
    cluster.kubectl("apply", "-f", "-", input=_OWNED.format(uid=uid))
    began = time.monotonic()
    cluster.kubectl("delete", "owner", "parent")
    cluster.kubectl("wait", "--for=delete", "configmap/child", "--timeout=60s")
    assert time.monotonic() - began < 15  # a kind that it learns of later takes it half a minute


def test_one_control_plane_serves_all_workers(control_plane: Cluster, new_namespace: str) -> None:
    name = f"x-{uuid.uuid4().hex[:6]}"
    control_plane.kubectl("create", "configmap", name, "--namespace", new_namespace)
    assert control_plane.get("configmaps", name, "--namespace", new_namespace)["metadata"]["name"] == name
    assert control_plane.url.startswith("https://127.0.0.1:")
    assert len(control_plane.token) == 40


_CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: owners.example.dev}
spec:
  group: example.dev
  scope: Namespaced
  names: {kind: Owner, plural: owners, singular: owner}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
"""
_OWNER = "{apiVersion: example.dev/v1, kind: Owner, metadata: {name: parent}}"
_OWNED = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: child
  ownerReferences: [{{apiVersion: example.dev/v1, kind: Owner, name: parent, uid: {uid}}}]
"""
