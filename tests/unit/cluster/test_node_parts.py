from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
import yaml

from local_cluster import cgroups, components, node_files
from local_cluster.credentials import Credentials, new_p256_key
from local_cluster.image_archive import image_archive
from local_cluster.record import Folder
from local_cluster.subnets import Block

FOLDER = Folder("demo", Path("/state/demo"))

_VERSION_1 = """\
25 20 0:22 / /sys/fs/cgroup rw,relatime shared:5 - tmpfs tmpfs rw,mode=755
26 25 0:23 / /sys/fs/cgroup/cpu rw,relatime shared:6 - cgroup cgroup rw,cpu
27 25 0:24 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
28 25 0:25 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
_VERSION_2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.mark.parametrize(("mounts", "names"), [(_VERSION_1, ["cpu", "pids", "unified"]), (_VERSION_2, ["cgroup"])])
def test_control_group_trees_of_both_versions_are_found(mounts: str, names: list[str]) -> None:
    assert [tree.name for tree in cgroups.hierarchies(mounts)] == names


def test_clusters_of_equal_names_in_different_folders_have_different_control_groups() -> None:
    other = Folder("demo", Path("/elsewhere/demo"))
    assert cgroups.group_of(FOLDER) != cgroups.group_of(other)
    assert cgroups.group_of(FOLDER) == cgroups.group_of(Folder("demo", Path("/state/demo")))


def test_a_full_disk_does_not_make_kubelet_delete_the_loaded_images() -> None:
    configuration = json.loads(node_files.kubelet(FOLDER, Block(0), cgroup="group"))
    assert configuration["imageGCHighThresholdPercent"] == 100
    assert configuration["evictionHard"]["imagefs.available"] == "0%"


def test_all_parts_agree_on_the_cluster_dns() -> None:
    block = Block(3)
    kubelet = json.loads(node_files.kubelet(FOLDER, block, cgroup="group"))
    service, endpoints = json.loads(node_files.dns_service(block))["items"]
    assert kubelet["clusterDNS"] == [service["spec"]["clusterIP"]] == ["10.133.0.10"]
    assert endpoints["endpoints"][0]["addresses"] == [str(block.node)]
    assert f"bind {block.node}" in node_files.corefile(FOLDER, block)


def test_what_a_node_writes_stays_in_its_folder_or_in_its_own_mounts() -> None:
    block = Block(0)
    texts = [
        node_files.containerd(FOLDER, cni=Path("/usr/lib/cni"), snapshotter="overlayfs"),
        node_files.pod_network(block),
        node_files.kubelet(FOLDER, block, cgroup="group"),
        *components.kubelet(Path("/bin"), FOLDER, node_address="10.130.128.2", configuration=Path("/state/demo/k")),
    ]
    assert not any("/var/" in text or "/etc/" in text for text in texts)


def test_an_image_archive_holds_what_its_digests_say_and_is_the_same_each_time() -> None:
    content = image_archive({"pause": b"program"}, name="pause:1", architecture="amd64", entrypoint=["/pause"])
    assert content == image_archive({"pause": b"program"}, name="pause:1", architecture="amd64", entrypoint=["/pause"])
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        blobs = {name: opened.read() for name, opened in files.items() if opened is not None}
    for name, blob in blobs.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}"
    entry = json.loads(blobs["index.json"])["manifests"][0]
    assert entry["annotations"] == {"io.containerd.image.name": "pause:1"}
    manifest = json.loads(blobs[f"blobs/sha256/{entry['digest'].removeprefix('sha256:')}"])
    assert manifest["layers"][0]["digest"].removeprefix("sha256:") in {name.rpartition("/")[2] for name in blobs}


def test_only_the_owner_can_read_a_clusters_secrets(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "credentials")
    credentials.create()
    assert credentials.folder.stat().st_mode & 0o077 == 0
    for path in (credentials.tokens, credentials.service_account_key):
        assert path.stat().st_mode & 0o077 == 0
    assert len(credentials.token) == 40


@pytest.mark.parametrize("name", ["demo", "n", "on", "1e3", "0", "null"])
def test_a_kubeconfig_names_its_cluster_whatever_the_name_means_in_yaml(name: str, tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "credentials")
    credentials.create()
    credentials.certificates.mkdir()
    credentials.certificate_authority.write_text("certificate")
    content = yaml.safe_load(credentials.kubeconfig("https://127.0.0.1:6443", name))
    assert content["current-context"] == content["contexts"][0]["name"] == name
    assert content["contexts"][0]["context"] == {"cluster": name, "user": name}
    assert content["clusters"][0]["name"] == content["users"][0]["name"] == name
    assert content["users"][0]["user"] == {"token": credentials.token}


def test_no_two_clusters_share_a_key() -> None:
    assert new_p256_key() != new_p256_key()
    assert new_p256_key().startswith("-----BEGIN EC PRIVATE KEY-----\n")


def test_requests_of_pods_are_written_down_and_neither_their_contents_nor_those_of_kubernetes() -> None:
    policy = json.loads(node_files.audit_policy())
    first, ours, others = policy["rules"]
    assert (first["level"], first["userGroups"]) == ("None", ["system:serviceaccounts:kube-system"])
    assert (ours["level"], ours["userGroups"]) == ("Metadata", ["system:serviceaccounts"])
    assert others == {"level": "None"}
    command = components.kube_apiserver(Path("/bin"), FOLDER, components.Endpoints("", "", 1, 2, 3, ""), with_node=True)
    assert "--audit-log-path=/state/demo/logs/audit.log" in command
