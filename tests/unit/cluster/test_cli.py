from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local_cluster.cli import main
from local_cluster.record import Folder, all_folders

_PROGRAM = Path(__file__).parents[3] / "hack/cluster"


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        (["kubeconfig", "--name=demo"], "there is no cluster demo", "up --name demo"),
        (["load", "--name=demo", "image.tar"], "there is no cluster demo", "up --name demo"),
        (["up", "--name=Demo"], "'Demo' cannot be the name", "lower case"),
        (["up", "--name=demo", "--apply=absent.yaml"], "there is no such file", "Check the path"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(
    arguments: list[str], what: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert what in told
    assert remedy in told
    assert "Traceback" not in told


def test_a_wrong_number_of_gpus_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["up", "--name=demo", "--gpus=-1"])
    assert "is not a number of GPUs" in capsys.readouterr().err


def test_removing_what_is_not_there_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--name=demo"]) == 0
    assert "there is no cluster demo" in capsys.readouterr().err


def test_the_state_of_no_clusters_is_an_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    assert capsys.readouterr().out == "NAME  KIND  STATE  GPUS  KUBECONFIG\n"


def test_a_node_without_root_is_refused_before_anything_is_begun(
    cached_programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert main(["up", "--name=demo", "--provider=onenode"]) == 1
    assert "--control-plane-only" in capsys.readouterr().err
    assert all_folders() == []


def test_programs_in_use_are_not_removed(cached_programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Folder.of("demo")
    folder.path.mkdir(parents=True)
    assert main(["purge"]) == 1
    assert "clusters still use the programs: demo" in capsys.readouterr().err
    folder.path.rmdir()
    assert main(["purge"]) == 0
    assert not cached_programs.exists()


def test_it_runs_as_a_program_and_tells_its_commands() -> None:
    told = subprocess.run([sys.executable, _PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    for command in ("up", "down", "status", "kubeconfig", "load", "path", "binaries", "kueue", "purge"):
        assert f"\n    {command} " in told
