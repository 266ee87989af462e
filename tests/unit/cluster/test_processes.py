from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from local_cluster import processes
from local_cluster.progress import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_started: list[subprocess.Popen[bytes]] = []


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "cluster"
    path.mkdir()
    yield path
    processes.stop(path, grace_seconds=0)
    while _started:
        _started.pop().wait()


def start(folder: Path, role: str, *command: str) -> subprocess.Popen[bytes]:
    process = processes.start(folder, role, command, log=folder / f"{role}.log")
    _started.append(process)
    assert wait_until(lambda: process.pid in {member.pid for member in processes.members(folder)}, within_seconds=5)
    return process


def roles(folder: Path) -> list[str]:
    return [member.role for member in processes.members(folder)]


def test_a_process_is_found_by_its_mark_with_its_role(folder: Path) -> None:
    process = start(folder, "etcd", "sleep", "60")
    assert processes.members(folder) == [processes.Member(process.pid, "etcd")]
    assert process.poll() is None


def test_children_belong_to_the_cluster_even_when_their_parent_is_gone(folder: Path) -> None:
    parent = processes.start(folder, "containerd", ["sh", "-c", "sleep 60 & exit 0"], log=folder / "log")
    assert parent.wait() == 0
    assert wait_until(lambda: roles(folder) == ["containerd"], within_seconds=5)


def test_processes_of_other_clusters_and_of_nobody_are_left_alone(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "cluster-2"  # its path begins like that of the first
    other.mkdir()
    neighbour = start(other, "etcd", "sleep", "60")
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        start(folder, "etcd", "sleep", "60")
        processes.stop(folder, grace_seconds=1)
        assert processes.members(folder) == []
        assert neighbour.poll() is None
        assert stranger.poll() is None
    finally:
        processes.stop(other, grace_seconds=0)
        stranger.kill()
        stranger.wait()


def test_a_process_that_is_asked_to_end_has_time_to(folder: Path) -> None:
    process = start(folder, "etcd", "sh", "-c", "trap 'echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done")
    assert wait_until(lambda: "up" in (folder / "etcd.log").read_text(), within_seconds=5)
    processes.stop(folder, grace_seconds=10)
    assert process.wait() == 0
    assert "saved" in (folder / "etcd.log").read_text()


def test_a_process_that_ignores_the_request_is_killed_after_the_grace(folder: Path) -> None:
    process = start(folder, "kube-apiserver", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done")
    assert wait_until(lambda: "up" in (folder / "kube-apiserver.log").read_text(), within_seconds=5)
    began = time.monotonic()
    processes.stop(folder, ["kube-apiserver"], grace_seconds=0.3)
    assert process.wait() == -9
    assert time.monotonic() - began < 5


def test_only_the_named_roles_are_stopped(folder: Path) -> None:
    start(folder, "etcd", "sleep", "60")
    start(folder, "kubelet", "sleep", "60")
    processes.stop(folder, ["kubelet"], grace_seconds=1)
    assert roles(folder) == ["etcd"]


def test_an_ended_process_that_nobody_has_waited_for_is_no_member(folder: Path) -> None:
    process = start(folder, "etcd", "sleep", "60")
    process.kill()
    assert wait_until(lambda: roles(folder) == [], within_seconds=5)
    process.wait()


def test_the_callers_proxies_do_not_reach_the_components(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    processes.start(folder, "etcd", ["env"], log=folder / "etcd.log").wait()
    assert "PROXY" not in (folder / "etcd.log").read_text()
