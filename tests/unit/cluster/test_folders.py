from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local_cluster.failures import ClusterError
from local_cluster.folders import cache_folder, clusters_folder, locked
from local_cluster.progress import wait_until
from local_cluster.record import Folder, Kind, Record, all_folders

_HOLD = """
import sys, pathlib, time
sys.path.insert(0, sys.argv[1])
from local_cluster.folders import locked
with locked(pathlib.Path(sys.argv[2])):
    pathlib.Path(sys.argv[3]).touch()
    time.sleep(60)
"""


def test_folders_follow_the_xdg_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == tmp_path / "cache/wandbsweep/cluster"
    assert clusters_folder() == tmp_path / "state/wandbsweep/clusters"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/paths/are/ignored")
    assert cache_folder() == tmp_path / "home/.cache/wandbsweep/cluster"


def test_a_lock_keeps_others_out_and_goes_with_a_killed_holder(tmp_path: Path) -> None:
    lock, held = tmp_path / "lock", tmp_path / "held"
    sources = Path(__file__).parents[3] / "hack/cluster"
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, sources, lock, held])
    try:
        assert wait_until(held.exists, within_seconds=20)
        entered = tmp_path / "entered"
        second = subprocess.Popen([sys.executable, "-c", _HOLD, sources, lock, entered])
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(timeout=0.5)
            assert not entered.exists()
            holder.kill()
            assert wait_until(entered.exists, within_seconds=20)
        finally:
            second.kill()
            second.wait()
    finally:
        holder.kill()
        holder.wait()


def test_a_lock_leaves_no_file(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()
    assert list(tmp_path.glob("lock*")) == []


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "-a", "a-", "a" * 41, "a b"])
def test_a_name_that_is_no_name_is_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(ClusterError) as caught:
        Folder.of(name)
    assert "at most 40 lower case letters" in caught.value.report()


def test_what_is_recorded_is_read_again() -> None:
    folder = Folder.of("demo")
    folder.path.mkdir(parents=True)
    record = Record(Kind.ONE_NODE, server="https://10.130.128.2:6443", gpus=4, block=0, complete=True)
    folder.write(record)
    assert folder.read() == record
    assert [each.name for each in all_folders()] == ["demo"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"kind": "something"}', '{"kind": "kind", "unknown": 1}', "null"])
def test_a_record_that_was_cut_short_or_is_of_another_version_is_no_record(content: str) -> None:
    folder = Folder.of("demo")
    folder.path.mkdir(parents=True)
    (folder.path / "cluster.json").write_text(content)
    assert folder.read() is None
