"""Signals reach everything that a trainer is, and nothing of it stays behind: real processes that do not want to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

# Says when it is ready, notes the signals that it gets, and ends like a trainer that saves a checkpoint.
TRAINER = """
import pathlib, signal, sys, time, os
notes = pathlib.Path(sys.argv[1])
def save(signum, frame):
    with notes.open("a") as file: file.write(signal.Signals(signum).name + "\\n")
    time.sleep(0.3)
    with notes.open("a") as file: file.write("saved\\n")
    sys.exit(3)
signal.signal(signal.SIGTERM, save)
signal.signal(signal.SIGUSR1, lambda *_: notes.open("a").write("SIGUSR1\\n"))
notes.write_text(f"{os.getpid()}\\n")
while True: time.sleep(0.1)
"""

STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()}\\n")
while True: time.sleep(0.1)
"""


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "notes"


@pytest.fixture
def started(spawn, runtime, environ, notes, eventually):
    """Starts a trial and waits until its trainer is ready; returns the launcher and the trainer's pid."""

    def start(*command):
        launcher = spawn(
            [runtime / "bin" / "wandbsweep", "trial", "{}", "--", *command, notes], {**environ, "WANDB_RUN_ID": "r1"}
        )
        eventually(lambda: notes.exists() and notes.read_text().endswith("\n"))
        return launcher, int(notes.read_text().split()[0])

    return start


def outcome(environ):
    return json.loads((Path(environ["WANDBSWEEP_HOME"]) / "outcomes" / "r1.json").read_text())["outcome"]


def test_sigterm_reaches_the_trainer_once_and_is_no_failure_for_the_wandb_agent(started, script, notes, environ):
    launcher, _ = started(script("train.py", TRAINER))
    launcher.terminate()
    assert launcher.wait(10) == -signal.SIGTERM
    assert notes.read_text().split()[1:] == ["SIGTERM", "saved"]
    assert outcome(environ) == "stopped"


@pytest.mark.parametrize("shell", [shell for shell in ("bash", "dash") if shutil.which(shell)])
def test_a_trainer_behind_a_script_that_does_not_exec_may_save_too(started, script, notes, shell, environ):
    """Isaac Sim's python.sh: the shell dies of SIGTERM at once, the Python under it goes on."""
    trainer = script("train.py", TRAINER)
    wrapper = script("python.sh", '"$@"\nexit $?\n', shutil.which(shell))
    launcher, _ = started(wrapper, trainer)
    launcher.terminate()
    assert launcher.wait(10) == -signal.SIGTERM
    assert notes.read_text().split()[1:] == ["SIGTERM", "saved"]
    assert outcome(environ) == "stopped"


def test_other_signals_are_passed_on_and_end_nothing(started, script, notes, eventually):
    launcher, _ = started(script("train.py", TRAINER))
    launcher.send_signal(signal.SIGUSR1)
    eventually(lambda: "SIGUSR1" in notes.read_text())
    assert launcher.poll() is None


def test_a_launcher_that_is_killed_takes_its_trainer_along(started, script, alive, eventually):
    launcher, trainer = started(script("train.py", STUBBORN))
    launcher.terminate()
    launcher.kill()
    launcher.wait()
    eventually(lambda: not alive(trainer))


def test_a_killed_launchers_trainer_dies_behind_its_script_too(started, script, alive, eventually):
    trainer = script("train.py", STUBBORN)
    launcher, pid = started(script("python.sh", '"$@"\nexit $?\n', shutil.which("sh")), trainer)
    launcher.kill()
    eventually(lambda: not alive(pid))


def test_what_a_trainer_leaves_behind_is_ended(started, script, alive, environ):
    """A worker in a session of its own would otherwise keep the GPU while the next run starts."""
    leaver = (
        "import pathlib, subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', sys.argv[1], sys.argv[2]], start_new_session=True)\n"
        "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.01)\n"
    )
    worker_code = (
        "import os, pathlib, sys, time\npathlib.Path(sys.argv[1]).write_text(f'{os.getpid()}\\n')\ntime.sleep(600)\n"
    )
    launcher, worker = started(script("train.py", leaver), worker_code)
    assert launcher.wait(15) == 0
    assert not alive(worker)
    assert outcome(environ) == "finished"


def test_the_launcher_leaves_no_process_behind(started, script, eventually):
    launcher, _ = started(script("train.py", TRAINER))
    session = {pid for pid in _pids() if _ancestor(pid, launcher.pid)}
    assert len(session) >= 2
    launcher.terminate()
    launcher.wait(10)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in session))


def _pids():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _ancestor(pid, ancestor):
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
        if pid == ancestor:
            return True
    return False


def test_the_trainer_has_no_terminal_and_its_own_session(runtime, environ, spawn, tmp_path):
    code = "import os, sys; print(os.getsid(0) == os.getpid(), sys.stdin.read() == '')"
    launcher = spawn([runtime / "bin" / "wandbsweep", "trial", "{}", "--", sys.executable, "-c", code], environ)
    assert launcher.wait(10) == 0
    assert (tmp_path / "stdout").read_text() == "True True\n"
    assert os.getsid(0) != launcher.pid
