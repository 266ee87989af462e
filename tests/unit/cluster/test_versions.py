from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from local_cluster import versions
from local_cluster.failures import ClusterError
from local_cluster.go_build import _linker_flags

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("module", "version", "sources"),
    [
        ("k8s.io/kubernetes", versions.KUBERNETES, versions.GO_SOURCES),
        ("go.etcd.io/etcd/server/v3", versions.ETCD, versions.GO_SOURCES),
        ("github.com/coredns/coredns", versions.COREDNS, versions.GO_SOURCES),
        ("helm.sh/helm/v3", versions.HELM, versions.GO_SOURCES),
        ("sigs.k8s.io/kueue", versions.KUEUE, versions.KUEUE_SOURCES),
    ],
)
def test_releases_and_modules_give_the_same_versions(module: str, version: str, sources: Path) -> None:
    modules = (sources / "go.mod").read_text()
    assert re.search(rf"^\t{re.escape(module)} v{re.escape(version)}( |$)", modules, re.MULTILINE)


def test_every_module_has_its_checksum_in_the_repository() -> None:
    sums = (versions.GO_SOURCES / "go.sum").read_text()
    assert f"k8s.io/kubernetes v{versions.KUBERNETES} h1:" in sums
    assert f"helm.sh/helm/v3 v{versions.HELM} h1:" in sums
    assert f"sigs.k8s.io/kueue v{versions.KUEUE} h1:" in (versions.KUEUE_SOURCES / "go.sum").read_text()


def test_other_sources_get_another_folder_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = versions.binaries_folder()
    assert versions.KUBERNETES in before.name
    copy = tmp_path / "go"
    shutil.copytree(versions.GO_SOURCES, copy)
    monkeypatch.setattr(versions, "GO_SOURCES", copy)
    assert versions.binaries_folder() == before
    (copy / "go.sum").write_text("")
    assert versions.binaries_folder() != before


def test_kueue_is_nothing_that_a_cluster_is_made_of() -> None:
    assert versions.KUEUE in versions.kueue_folder().name
    assert versions.KUEUE_MANAGER not in versions.PROGRAMS
    assert versions.KUEUE_SOURCES not in versions.GO_SOURCES.rglob("*")


def test_the_programs_know_their_version() -> None:
    assert f"gitVersion=v{versions.KUBERNETES}" in _linker_flags()
    assert "gitMinor=36" in _linker_flags()
    assert f"GitVersion=v{versions.KUEUE}" in _linker_flags()


def test_a_machine_that_cannot_run_a_cluster_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(ClusterError) as caught:
        versions.architecture()
    assert "Darwin" in caught.value.report()
    assert "Use Linux" in caught.value.report()
