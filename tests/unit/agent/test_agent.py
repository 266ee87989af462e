"""`wandbsweep agent` as the main process: an image's wandb that behaves in every bad way, with real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

READY = "import os, pathlib, signal, sys, time, subprocess\npathlib.Path('ready').write_text(str(os.getpid()))\n"
FOR_EVER = "while True: time.sleep(0.1)\n"
IGNORES_SIGTERM = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"

# As the stock agent: a trial in a process group of its own, SIGTERM passed on, then waiting for the trial.
STARTS_TRIAL = """
import json, os, pathlib, signal, subprocess, sys, time
os.environ["WANDB_RUN_ID"] = "r1"
trial = subprocess.Popen(
    ["wandbsweep", "trial", "{}", "--", sys.executable, "train.py"], process_group=0, stdin=subprocess.DEVNULL
)
def forward(signum, frame):
    trial.send_signal(signum)
    trial.wait()
    sys.exit(0)
signal.signal(signal.SIGTERM, forward)
trial.wait()
"""

NEEDS_SAVING = """
import os, pathlib, signal, sys, time
def save(*_):
    pathlib.Path("asked").write_text(str(time.time()))
    time.sleep(2.5)
    pathlib.Path("saved").touch()
    sys.exit(1)
signal.signal(signal.SIGTERM, save)
pathlib.Path("ready").write_text(str(os.getpid()))
while True: time.sleep(0.1)
"""


# At its exit wandb waits for its service, and a service that was not told to end does so when its parent is gone.
WAITS_FOR_ITS_SERVICE = """
import atexit, subprocess, sys
service = "import os, time; parent = os.getppid()\\nwhile os.getppid() == parent: time.sleep(0.05)"
atexit.register(subprocess.Popen([sys.executable, "-c", service], start_new_session=True).wait)
"""


@pytest.fixture
def container(runtime, environ, spawn, observe, tmp_path):
    """Starts the runtime in an image whose wandb is the given program."""

    def start(wandb_program, grace=30, prefix=(), **variables):
        package = tmp_path / "image" / "wandb"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text('__version__ = "0.31.0"\n')
        (package / "__main__.py").write_text(wandb_program)
        environ.update(
            {
                "WANDBSWEEP_SWEEP": "team/lab/abc",
                "WANDBSWEEP_GRACE_SECONDS": str(grace),
                "WANDBSWEEP_PYTHON": sys.executable,
                "PYTHONPATH": str(tmp_path / "image"),
                **variables,
            }
        )
        return observe(spawn([*prefix, runtime / "bin" / "wandbsweep-agent"], environ))

    return start


def test_an_idle_agent_leaves_within_three_seconds(container, eventually):
    pod = container(READY + FOR_EVER)
    eventually(pod.ready_pid)
    pod.stop()
    assert pod.seconds_to_end() < 3
    assert pod.exit_code() == 20
    assert pod.last_words["reason"] == "Drained"


def test_an_idle_agent_that_ignores_sigterm_is_killed_within_three_seconds(container, eventually):
    pod = container("import signal\n" + IGNORES_SIGTERM + READY + FOR_EVER, grace=600)
    eventually(pod.ready_pid)
    pod.stop()
    assert pod.seconds_to_end() < 3
    assert pod.exit_code() == 20


def test_sigint_is_an_end_like_sigterm(container, eventually):
    pod = container(READY + FOR_EVER)
    eventually(pod.ready_pid)
    pod.stop(signal.SIGINT)
    assert pod.exit_code() == 20


def test_a_signal_during_the_search_for_wandb_is_not_lost(container, script, eventually, tmp_path):
    slow = script("slow", f'[ "$1" = -I ] && exec {sys.executable} "$@"\ntouch searching\nexec sleep 60\n', "/bin/sh")
    pod = container(READY + FOR_EVER, WANDBSWEEP_PYTHON=str(slow))
    eventually((tmp_path / "searching").exists)
    pod.stop()
    assert pod.seconds_to_end() < 3
    assert pod.exit_code() == 20


def test_a_trainer_has_time_to_save(container, eventually, tmp_path):
    (tmp_path / "train.py").write_text(NEEDS_SAVING)
    pod = container(STARTS_TRIAL)
    eventually(pod.ready_pid)
    pod.stop()
    assert pod.exit_code() == 20
    assert (tmp_path / "saved").exists()
    assert pod.last_words["runs"]["preempted"] == 1


@pytest.fixture
def hanging_server():
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_wandb_server_that_hangs_delays_no_sigterm_and_no_end(container, eventually, tmp_path, hanging_server):
    (tmp_path / "train.py").write_text(NEEDS_SAVING)
    run = {"WANDB_ENTITY": "team", "WANDB_PROJECT": "lab", "WANDB_BASE_URL": hanging_server}
    pod = container(STARTS_TRIAL, grace=20, **run)
    eventually(pod.ready_pid)
    signalled_at = time.time()
    pod.stop()
    assert pod.exit_code() == 20
    assert float((tmp_path / "asked").read_text()) - signalled_at < 1.5
    assert (tmp_path / "saved").exists()
    assert pod.last_words["runs"]["preempted"] == 1


def test_a_trainer_that_ignores_sigterm_is_killed_before_the_grace_period_is_over(
    container, eventually, tmp_path, alive
):
    (tmp_path / "train.py").write_text("import signal\n" + IGNORES_SIGTERM + READY + FOR_EVER)
    pod = container(STARTS_TRIAL, grace=6)
    eventually(pod.ready_pid)
    trainer = pod.ready_pid()
    pod.stop()
    assert 2.5 < pod.seconds_to_end() < 5
    assert pod.exit_code() == 20
    assert not alive(trainer)


def test_an_agent_that_cannot_forward_signals_still_lets_the_trainer_save(container, eventually, tmp_path):
    (tmp_path / "train.py").write_text(NEEDS_SAVING)
    pod = container(STARTS_TRIAL.replace("signal.signal(signal.SIGTERM, forward)", ""))
    eventually(pod.ready_pid)
    pod.stop()
    assert pod.exit_code() == 20
    assert (tmp_path / "saved").exists()
    assert pod.last_words["runs"]["preempted"] == 1


def test_a_trainer_of_a_sweep_with_a_plain_command_may_save_behind_its_script(container, eventually, tmp_path, script):
    """A sweep that was made elsewhere has no trial launcher, and the stock agent signals the script only."""
    (tmp_path / "train.py").write_text(NEEDS_SAVING)
    wrapper = script("python.sh", f'{sys.executable} "$@"\nexit $?\n', "/bin/sh")
    pod = container(STARTS_TRIAL.replace('"wandbsweep", "trial", "{}", "--", sys.executable', f'"{wrapper}"'))
    eventually(pod.ready_pid)
    pod.stop()
    assert pod.exit_code() == 20
    assert (tmp_path / "saved").exists()


def test_what_the_agent_leaves_behind_is_ended(container, eventually, alive, tmp_path):
    (tmp_path / "orphan.py").write_text("import signal\n" + IGNORES_SIGTERM + READY + FOR_EVER)
    pod = container(
        "import subprocess, sys, pathlib, time\n"
        "subprocess.Popen([sys.executable, 'orphan.py'], start_new_session=True)\n"
        "while not pathlib.Path('ready').exists(): time.sleep(0.01)\n"
    )
    assert pod.exit_code() == 0
    assert not alive(pod.ready_pid())


@pytest.mark.parametrize(
    ("last_act", "code", "reason"),
    [
        ("", 0, "Done"),
        ("sys.exit(1)", 27, "AgentCrashed"),
        ("sys.exit('Error: the service process did not respond in time')", 23, "WandbUnreachable"),
        ("raise TimeoutError('deadline exceeded')", 23, "WandbUnreachable"),
    ],
)
def test_an_agent_and_its_service_that_wait_for_each_other_do_not_wait_for_ever(container, last_act, code, reason):
    """Seen with wandb 0.31.0: the request to shut down is lost when a request has just been given up."""
    pod = container(WAITS_FOR_ITS_SERVICE + last_act)
    assert pod.exit_code(30) == code, pod.log
    assert pod.last_words["reason"] == reason


def test_orphans_are_reaped_while_the_agent_runs(container, eventually):
    orphans = "for _ in range(20): subprocess.run(['sh', '-c', 'sleep 0.2 &'])\n"
    pod = container("import subprocess\n" + orphans + READY + FOR_EVER)
    eventually(pod.ready_pid)
    eventually(lambda: _states_of_children(pod.process.pid) == ["S"])


def _states_of_children(parent):
    states = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                states.append(fields[0])
    return states


def test_the_agent_that_dies_is_reported_with_its_last_line(container):
    pod = container("import os\nprint('working', flush=True)\nos.kill(os.getpid(), 9)\n")
    assert pod.exit_code() == 27
    assert pod.last_words["reason"] == "AgentCrashed"
    assert pod.last_words["message"] == "The W&B agent was killed by signal 9."
    assert set(pod.last_words["runs"].values()) == {0}


def test_all_that_agent_and_trainer_print_is_in_the_log(container, tmp_path):
    lines = 20_000
    (tmp_path / "train.py").write_text(f"for n in range({lines}): print('reward', n)\n")
    pod = container("print('from the agent')\n" + STARTS_TRIAL + "print('the agent ends')\n")
    assert pod.exit_code() == 0, pod.log
    assert pod.log.count("reward") == lines
    assert "from the agent" in pod.log
    assert "the agent ends" in pod.log


def test_what_a_trainer_prints_is_in_the_containers_log_at_once(container, eventually, tmp_path):
    (tmp_path / "train.py").write_text("print('step 1', flush=True)\n" + READY + FOR_EVER)
    pod = container(STARTS_TRIAL)
    eventually(lambda: "step 1" in pod.log)
    pod.stop()
    assert pod.exit_code() == 20


def test_the_key_is_never_printed(container, environ):
    pod = container("import os, sys\nsys.exit('no account for ' + os.environ['WANDB_API_KEY'])\n")
    assert pod.exit_code() == 27
    assert environ["WANDB_API_KEY"] not in pod.last_words["message"]
    assert "<WANDB_API_KEY>" in pod.last_words["message"]


def test_failures_of_an_earlier_container_are_not_counted(container, environ):
    outcomes = Path(environ["WANDBSWEEP_HOME"]) / "outcomes"
    outcomes.mkdir()
    (outcomes / "old.json").write_text('{"runID": "old", "cause": "trainer-error", "exitCode": 1, "endedAt": 1}')
    assert container("").exit_code() == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [("WANDBSWEEP_SWEEP", "abc"), ("WANDBSWEEP_RUNS_PER_AGENT", "x"), ("WANDBSWEEP_HOME", "/proc/nowhere")],
)
def test_a_bad_environment_is_named_with_the_remedy(container, variable, value):
    pod = container(READY, **{variable: value})
    assert pod.exit_code() == 26
    assert variable in pod.last_words["message"]
    assert "set " in pod.last_words["message"]
    assert "Traceback" not in pod.log


def _pid_namespaces():
    probe = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "true"], capture_output=True, check=False
    )
    return probe.returncode == 0


pid1 = pytest.mark.skipif(
    not _pid_namespaces(), reason="needs the capability to make a PID namespace: unshare --pid --fork --mount-proc"
)
IN_A_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture
def as_pid_1(container, eventually):
    """The runtime as the first process of a PID namespace, as in a container; signals are sent from outside."""

    def start(program, **options):
        pod = container(program, prefix=IN_A_NAMESPACE, **options)
        eventually(pod.ready_pid)
        (pid_1,) = _children(pod.process.pid)
        pod.send = lambda signum: os.kill(pid_1, signum)
        return pod

    return start


def _children(parent):
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pid1
def test_as_pid_1_an_idle_agent_leaves_within_three_seconds(as_pid_1):
    """The kernel hides SIGTERM from a PID 1 that has no handler for it."""
    pod = as_pid_1(READY + FOR_EVER)
    pod.stop()
    assert pod.seconds_to_end() < 3
    assert pod.exit_code() == 20


@pid1
def test_as_pid_1_a_trainer_has_time_to_save(as_pid_1, tmp_path):
    (tmp_path / "train.py").write_text(NEEDS_SAVING)
    pod = as_pid_1(STARTS_TRIAL)
    pod.stop()
    assert pod.exit_code() == 20
    assert (tmp_path / "saved").exists()
    assert pod.last_words["runs"]["preempted"] == 1


@pid1
def test_as_pid_1_it_reaps_every_orphan(as_pid_1, eventually):
    orphans = "for _ in range(20): subprocess.run(['sh', '-c', '(setsid sleep 0.2 &) &'])\n"
    pod = as_pid_1("import subprocess\n" + orphans + READY + FOR_EVER)
    (pid_1,) = _children(pod.process.pid)
    eventually(lambda: _states_of_children(pid_1) == ["S"])
