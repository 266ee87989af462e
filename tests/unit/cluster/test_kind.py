from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local_cluster import lifecycle
from local_cluster.cli import main
from local_cluster.failures import ClusterError
from local_cluster.kind import KindCluster
from local_cluster.progress import Progress
from local_cluster.provider import Request
from local_cluster.providers import ProviderChoice, chosen_kind
from local_cluster.record import Folder, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import StandIns

_KIND = """
case "$*" in
  "get clusters") cat {clusters} 2>/dev/null || true ;;
  "create cluster"*)
    echo demo >> {clusters}
    for a; do case $a in --kubeconfig=*) echo made > "${{a#*=}}";; esac; done ;;
  "delete cluster"*) rm {clusters} ;;
esac
"""
_KUBECTL = 'case "$*" in *readyz*) printf ok ;; *server*) printf https://127.0.0.1:34567 ;; esac'


@pytest.fixture
def kind(stand_ins: StandIns, tmp_path: Path) -> StandIns:
    stand_ins.add("docker")
    stand_ins.add("kind", _KIND.format(clusters=tmp_path / "clusters"))
    stand_ins.add("kubectl", _KUBECTL)
    return stand_ins


def up(kind: StandIns, request: Request) -> None:
    lifecycle.up(Folder.of("demo"), Kind.KIND, lambda _: KindCluster(kind.folder), request, Progress())


def test_where_docker_and_kind_work_kind_is_used(kind: StandIns) -> None:
    assert chosen_kind(ProviderChoice.AUTO, control_plane_only=False) is Kind.KIND
    assert kind.calls == ["docker info"]
    assert chosen_kind(ProviderChoice.ONE_NODE, control_plane_only=False) is Kind.ONE_NODE
    assert chosen_kind(ProviderChoice.AUTO, control_plane_only=True) is Kind.CONTROL_PLANE


def test_without_a_docker_engine_the_node_is_our_own(kind: StandIns) -> None:
    kind.add("docker", "exit 1")
    assert chosen_kind(ProviderChoice.AUTO, control_plane_only=False) is Kind.ONE_NODE
    with pytest.raises(ClusterError, match="no Docker engine is running"):
        chosen_kind(ProviderChoice.KIND, control_plane_only=False)


def test_a_kind_cluster_has_its_own_kubeconfig_and_stand_in_gpus(kind: StandIns) -> None:
    up(kind, Request(gpus=4))
    kubeconfig = Folder.of("demo").kubeconfig
    assert kubeconfig.exists()
    gpus = '{"nvidia.com/gpu": "4"}'
    patch = f'{{"status": {{"capacity": {gpus}, "allocatable": {gpus}}}}}'
    assert kind.calls[:4] == [
        "docker info",
        "kind get clusters",
        f"kind create cluster --name=demo --kubeconfig={kubeconfig} --wait=180s",
        f"kubectl patch node demo-control-plane --subresource=status --type=merge --patch={patch}",
    ]


def test_up_twice_keeps_the_cluster_and_brings_the_gpus_to_the_new_number(kind: StandIns) -> None:
    up(kind, Request(gpus=4))
    up(kind, Request())
    assert '"nvidia.com/gpu": "4"' in kind.calls[-1]
    up(kind, Request(gpus=2))
    assert sum("create cluster" in call for call in kind.calls) == 1
    assert '"nvidia.com/gpu": "2"' in kind.calls[-1]
    record = Folder.of("demo").read()
    assert record is not None
    assert record.gpus == 2


def test_images_are_loaded_from_archives(kind: StandIns, tmp_path: Path) -> None:
    up(kind, Request())
    archive = tmp_path / "image.tar"
    archive.touch()
    assert main(["load", "--name=demo", str(archive)]) == 0
    assert kind.calls[-1] == f"kind load image-archive --name=demo {archive}"


def test_down_deletes_the_cluster_and_its_folder(kind: StandIns) -> None:
    up(kind, Request())
    assert main(["down", "--name=demo"]) == 0
    assert kind.calls[-1] == f"kind delete cluster --name=demo --kubeconfig={Folder.of('demo').kubeconfig}"
    assert not Folder.of("demo").path.exists()


def test_a_kind_cluster_of_the_user_is_neither_used_nor_deleted(kind: StandIns, tmp_path: Path) -> None:
    (tmp_path / "clusters").write_text("demo\n")
    with pytest.raises(ClusterError, match="that this tool did not make"):
        up(kind, Request())
    assert main(["down", "--name=demo"]) == 0
    assert not any("delete" in call for call in kind.calls)
    assert (tmp_path / "clusters").read_text() == "demo\n"


def test_what_a_failed_start_left_is_deleted(kind: StandIns, tmp_path: Path) -> None:
    kind.add("kind", _KIND.format(clusters=tmp_path / "clusters") + '[ "$1" != create ]')
    with pytest.raises(ClusterError, match="create the kind cluster demo"):
        up(kind, Request())
    assert kind.calls[-1].startswith("kind delete cluster --name=demo")


def test_pods_of_kind_reach_the_machine_by_dockers_gateway(kind: StandIns, capsys: pytest.CaptureFixture[str]) -> None:
    up(kind, Request())
    kind.add("docker", 'case "$*" in "network inspect"*) echo "fc00:f853::1 172.18.0.1" ;; esac')
    capsys.readouterr()
    assert main(["host-address", "--name=demo"]) == 0
    assert capsys.readouterr().out == "172.18.0.1\n"
