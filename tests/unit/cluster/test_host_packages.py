from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_cluster import host_packages
from local_cluster.failures import ClusterError
from local_cluster.host_packages import Requirement, ensure_host_packages, missing_packages
from local_cluster.progress import Progress

if TYPE_CHECKING:
    from conftest import StandIns


@pytest.fixture
def bare_machine(stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """A machine that has one of two requirements, and the network plugins."""
    requirements = (Requirement("containerd", ("containerd-x", "ctr-x")), Requirement("runc", ("runc-x",)))
    monkeypatch.setattr(host_packages, "REQUIREMENTS", requirements)
    monkeypatch.setattr(host_packages, "_CNI_FOLDERS", (stand_ins.folder,))
    for program in ("runc-x", "ptp", "host-local", "loopback"):
        stand_ins.add(program)
    return stand_ins


def test_root_gets_what_is_missing_and_nothing_else(bare_machine: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    bare_machine.add("apt-get")
    ensure_host_packages(Progress())
    assert bare_machine.calls == [
        "apt-get update -q",
        "apt-get install -y -q --no-install-recommends containerd",
    ]


def test_network_plugins_are_a_package_too(bare_machine: StandIns) -> None:
    (bare_machine.folder / "ptp").unlink()
    assert missing_packages() == ["containerd", "containernetworking-plugins"]


def test_others_are_told_what_to_install(bare_machine: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ClusterError) as caught:
        ensure_host_packages(Progress())
    assert "sudo apt-get install --no-install-recommends containerd" in caught.value.report()


def test_a_failed_installation_shows_the_end_of_its_log(
    bare_machine: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    bare_machine.add("apt-get", '[ "$1" = update ] || { echo "E: Unable to locate package"; exit 100; }')
    with pytest.raises(ClusterError) as caught:
        ensure_host_packages(Progress())
    report = caught.value.report()
    assert "install containerd (apt-get ended with 100)" in report
    assert "| E: Unable to locate package" in report
    assert "whole log:" in report


def test_nothing_is_run_where_nothing_is_missing(bare_machine: StandIns) -> None:
    for program in ("containerd-x", "ctr-x"):
        bare_machine.add(program)
    ensure_host_packages(Progress())
    assert bare_machine.calls == []
    assert host_packages.cni_folder() == Path(bare_machine.folder)
