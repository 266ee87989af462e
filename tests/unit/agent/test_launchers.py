"""The launchers are POSIX shell: they find a Python, get out of the way, or say what is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


def launch(shell, launcher, *words, env):
    return subprocess.run([shutil.which(shell), launcher, *words], capture_output=True, text=True, check=False, env=env)


@pytest.fixture
def tools(tmp_path):
    """A PATH with the shell's tools but no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for tool in ("dirname", "sh", "echo"):
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


@pytest.mark.parametrize("shell", SHELLS)
def test_it_runs_the_runtime_with_the_first_python(shell, runtime):
    done = launch(shell, runtime / "bin" / "wandbsweep", "--help", env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0
    assert "wandbsweep trial" in done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_without_python_it_says_so_in_one_line_and_in_the_termination_message(shell, runtime, tools, tmp_path):
    log = tmp_path / "termination-log"
    log.touch()
    done = launch(
        shell,
        runtime / "bin" / "wandbsweep-agent",
        env={"PATH": str(tools), "WANDBSWEEP_TERMINATION_LOG": str(log)},
    )
    assert done.returncode == 25
    assert done.stderr.count("\n") == 1
    assert "WANDBSWEEP_PYTHON" in done.stderr
    assert json.loads(log.read_text())["reason"] == "WandbMissing"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_python_that_is_too_old_is_passed_over(shell, runtime, tools, script):
    old = script("old/python3", "exit 0\n", "/bin/sh")
    new = tools / "python"
    new.symlink_to(os.path.realpath(sys.executable))
    done = launch(shell, runtime / "bin" / "wandbsweep", "--help", env={"PATH": f"{old.parent}:{tools}"})
    assert done.returncode == 0


@pytest.mark.parametrize("shell", SHELLS)
def test_of_a_script_that_does_not_exec_the_interpreter_behind_it_is_started(shell, runtime, tools, script):
    wrapper = script("python.sh", f'echo "starting up"\n{sys.executable} "$@"\nexit $?\n', "/bin/sh")
    done = launch(
        shell,
        runtime / "bin" / "wandbsweep",
        "trial",
        "{}",
        "--",
        sys.executable,
        "-c",
        "import os, pathlib; print(pathlib.Path(f'/proc/{os.getppid()}/cmdline').read_bytes().split(bytes(1))[0])",
        env={"PATH": str(tools), "WANDBSWEEP_PYTHON": str(wrapper)},
    )
    assert done.stdout.strip() == repr(sys.executable.encode()), done.stderr


def test_the_users_modules_do_not_shadow_the_runtimes(runtime, tmp_path):
    (tmp_path / "signal.py").write_text("raise SystemExit('shadowed')")
    done = subprocess.run(
        [runtime / "bin" / "wandbsweep", "--help"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_environment_of_an_agent_without_wandb_ends_with_its_own_code(runtime, environ, script, tmp_path):
    python = script("bare-python", f'exec {os.path.realpath(sys.executable)} -S "$@"\n', "/bin/sh")
    environ |= {"WANDBSWEEP_PYTHON": str(python), "WANDBSWEEP_SWEEP": "team/lab/abc"}
    done = subprocess.run(
        [runtime / "bin" / "wandbsweep-agent"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 25, done.stderr
    assert "install wandb" in done.stderr
    assert json.loads(Path(environ["WANDBSWEEP_TERMINATION_LOG"]).read_text())["reason"] == "WandbMissing"
