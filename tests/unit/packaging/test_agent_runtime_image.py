"""The image that brings the agent along has no Python: its script writes what the Python package would."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wandbsweep.agent.install import install

SCRIPT = Path(__file__).resolve().parents[3] / "images/agent-runtime/install.sh"


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    folder = tmp_path / "runtime"
    install(folder)
    return folder


def run(runtime: Path, *arguments: str | Path, umask: int = 0o077) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", SCRIPT, *arguments],
        env={"PATH": "/usr/bin:/bin", "WANDBSWEEP_RUNTIME_FOLDER": str(runtime)},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mode & 0o777, b"" if path.is_dir() else path.read_bytes())
        for path in folder.rglob("*")
    }


def test_it_writes_the_same_files_with_the_same_rights_whatever_the_umask(runtime: Path, tmp_path: Path) -> None:
    done = run(runtime, "install", tmp_path / "pod")
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "pod") == tree(runtime)


def test_a_second_time_changes_nothing(runtime: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run(runtime, "install", tmp_path / "pod").returncode == 0
    assert tree(tmp_path / "pod") == tree(runtime)


def test_wandb_is_brought_only_where_it_is_asked_for(runtime: Path, tmp_path: Path) -> None:
    package = runtime / "wandb/packages/wandb"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    assert run(runtime, "install", tmp_path / "without").returncode == 0
    for _ in range(2):
        assert run(runtime, "install", tmp_path / "with", "--with-wandb").returncode == 0
    assert not (tmp_path / "without/wandb").exists()
    assert sorted(tree(tmp_path / "with")) == sorted(tree(runtime))
    assert (tmp_path / "with/wandb/packages/wandb/__init__.py").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_written_is_named(runtime: Path) -> None:
    done = run(runtime, "install", "/proc/nowhere")
    assert done.returncode == 1
    assert done.stderr == "wandbsweep install: /proc/nowhere cannot be written: it cannot be made\n"


@pytest.mark.parametrize(
    "arguments", [(), ("agent",), ("install",), ("install", "--help"), ("install", "/x", "--fast"), ("install", "")]
)
def test_what_it_cannot_do_is_told_with_what_it_can(runtime: Path, arguments: tuple[str, ...]) -> None:
    done = run(runtime, *arguments)
    assert done.returncode == 2
    assert "usage: wandbsweep install DIR" in done.stderr


def test_the_script_can_be_started() -> None:
    assert os.access(SCRIPT, os.X_OK)
