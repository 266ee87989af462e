"""Builders of real processes for the agent's tests: an installed runtime, programs, and a bounded wait."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wandbsweep.agent.install import install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCES = Path(__file__).parents[3] / "operator"


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `wandbsweep install` makes, as it is mounted in an agent's container."""
    folder = tmp_path_factory.mktemp("runtime")
    install(folder)
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A container's environment: nothing of this machine but where programs are, and a key for W&B."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "WANDBSWEEP_HOME": str(home),
        "WANDBSWEEP_TERMINATION_LOG": str(tmp_path / "termination-log"),
        "WANDB_API_KEY": "k" * 40,
    }


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Polls until the condition holds; fails with its name when it never does."""

    def wait(condition: Callable[[], object], timeout: float = 15.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout} s: {condition}"
            time.sleep(0.02)

    return wait


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """Writes an executable file; Python unless another interpreter is named."""

    def write(name: str, text: str, interpreter: str = sys.executable) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{interpreter}\n{text}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes with their output in tmp_path/stdout and stderr; none outlives the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[object], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with (tmp_path / "stdout").open("ab") as out, (tmp_path / "stderr").open("ab") as err:
            process = subprocess.Popen(
                [str(word) for word in command],
                env=env,
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Whether a process runs; a zombie does not."""

    def check(pid: int) -> bool:
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        return text.rpartition(")")[2].split()[0] not in {"Z", "X"}

    return check
