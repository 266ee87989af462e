"""Trainers as they go wrong, with the real SDK and a real server: each ends with its own cause, within its bound."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ports import reserved_port
from waiting import until

INIT = "import os, pathlib, signal, sys, time, wandb\nrun = wandb.init()\npathlib.Path('ready').touch()\n"
FOR_EVER = "while True: time.sleep(0.1)\n"
LOGS = "run.log({'reward': 1.0})\n"
IGNORES_SIGTERM = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
DIES = "os.kill(os.getpid(), signal.SIGSEGV)\n"

OUT_OF_MEMORY = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (2**36, 2**36))
parts = bytearray(2**40)
"""
DIES_THE_FIRST_TIME = """
if not pathlib.Path("second").exists():
    pathlib.Path("second").touch()
    os.kill(os.getpid(), signal.SIGSEGV)
"""

# Logs as the SDK does, without the seconds that its start takes on a busy machine.
QUICK = """
import base64, json, os, signal, sys, time, urllib.request
step = 0
def log():
    global step
    content = {"offset": step, "content": [json.dumps({"_step": step, "reward": 1.0})]}
    path = "/files/{WANDB_ENTITY}/{WANDB_PROJECT}/{WANDB_RUN_ID}/file_stream".format(**os.environ)
    key = base64.b64encode(("api:" + os.environ["WANDB_API_KEY"]).encode()).decode()
    request = urllib.request.Request(
        os.environ["WANDB_BASE_URL"] + path,
        json.dumps({"files": {"wandb-history.jsonl": content}}).encode(),
        {"Authorization": "Basic " + key, "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()
    step += 1
"""

NODE_TAG = "wandbsweep.node:gpu-7"


@pytest.fixture
def trial(handed, runtime, spawn, tmp_path):
    """Starts the trial of this trainer."""

    def start(trainer, **variables):
        (tmp_path / "train.py").write_text(trainer)
        command = [runtime / "bin" / "wandbsweep", "trial", "{}", "--", sys.executable, "train.py"]
        handed.process = spawn(command, {**handed.environ, **variables})
        return handed

    return start


def test_one_that_hangs_before_its_first_metric(trial):
    handed = trial(INIT + FOR_EVER, WANDBSWEEP_STARTUP_TIMEOUT_SECONDS="4")
    assert handed.process.wait(30) == 128 + signal.SIGTERM
    assert handed.record["cause"] == "startup-timeout"
    assert handed.on_wandb["state"] == "failed"
    assert sorted(handed.on_wandb["tags"]) == [NODE_TAG, "wandbsweep:startup-timeout"]
    assert handed.record["seconds"]["startup"] >= 4
    assert handed.record["seconds"]["failed"] == 0


def test_one_that_hangs_after_its_first_metric(trial):
    handed = trial(QUICK + "log()\n" + FOR_EVER, WANDBSWEEP_STALL_TIMEOUT_SECONDS="8")
    assert handed.process.wait(50) == 128 + signal.SIGTERM
    assert handed.record["cause"] == "stalled"
    assert handed.on_wandb["state"] == "failed"
    assert "wandbsweep:stalled" in handed.on_wandb["tags"]
    assert handed.record["seconds"]["failed"] >= 4


@pytest.mark.parametrize("sign_of_life", ["print('step', flush=True)", "log()"])
def test_one_that_prints_or_logs_is_not_stalled(trial, sign_of_life):
    body = f"for _ in range(16):\n    {sign_of_life}\n    time.sleep(0.7)\n"
    handed = trial(QUICK + body + "log()\n", WANDBSWEEP_STALL_TIMEOUT_SECONDS="8")
    assert handed.process.wait(50) == 0
    assert handed.record["cause"] == "finished"


def test_one_that_takes_too_long_and_ends_well_when_asked(trial):
    ends_well = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    handed = trial(QUICK + ends_well + FOR_EVER, WANDBSWEEP_TIMEOUT_SECONDS="8")
    assert handed.process.wait(50) == 67
    assert handed.record["cause"] == "run-timeout"
    assert "wandbsweep:run-timeout" in handed.on_wandb["tags"]


def test_one_that_ignores_sigterm(trial):
    handed = trial(QUICK + IGNORES_SIGTERM + "log()\n" + FOR_EVER, WANDBSWEEP_TIMEOUT_SECONDS="8")
    before = time.monotonic()
    assert handed.process.wait(50) == 128 + signal.SIGKILL
    assert time.monotonic() - before < 8 + 10 + 10
    assert handed.record["cause"] == "run-timeout"
    assert handed.on_wandb["state"] == "failed"


def test_one_that_ignores_sigterm_when_its_run_is_stopped(trial, tmp_path):
    handed = trial(IGNORES_SIGTERM.join([INIT, FOR_EVER]), WANDB_AGENT_KILL_DELAY="4")
    until((tmp_path / "ready").exists, "the trainer works", seconds=30)
    handed.process.terminate()
    assert handed.process.wait(10) == -signal.SIGTERM
    assert handed.record["cause"] == "stopped"
    assert handed.on_wandb["tags"] == ["wandbsweep:stopped"]


def test_one_that_ignores_sigterm_when_its_pod_has_to_go(trial, tmp_path):
    handed = trial(IGNORES_SIGTERM.join([INIT, FOR_EVER]), WANDBSWEEP_GRACE_SECONDS="10")
    until((tmp_path / "ready").exists, "the trainer works", seconds=30)
    (Path(handed.environ["WANDBSWEEP_HOME"]) / "draining").touch()
    handed.process.terminate()
    assert handed.process.wait(10) == -signal.SIGTERM
    assert handed.record["cause"] == "preempted"
    assert handed.on_wandb["state"] == "preempted"
    assert handed.on_wandb["tags"] == ["wandbsweep:preempted"]


def test_one_that_eats_its_memory(trial):
    handed = trial(INIT + LOGS + OUT_OF_MEMORY)
    assert handed.process.wait(30) == 1
    assert handed.record["cause"] == "out-of-memory"
    assert handed.record["lastLine"] == "MemoryError"
    assert "wandbsweep:out-of-memory" in handed.on_wandb["tags"]


def test_one_that_exits_0_without_a_run(trial):
    handed = trial("print('nothing to do')\n")
    assert handed.process.wait(30) == 65
    assert handed.record["cause"] == "no-run"
    assert handed.on_wandb["state"] == "failed"
    assert "wandbsweep:no-run" in handed.on_wandb["tags"]


def test_one_that_raises_at_import(trial):
    handed = trial("import a_module_that_is_not_there\n")
    assert handed.process.wait(30) == 1
    assert handed.record["cause"] == "trainer-error"
    assert handed.record["lastLine"] == "ModuleNotFoundError: No module named 'a_module_that_is_not_there'"
    assert handed.on_wandb["state"] == "failed"
    assert sorted(handed.on_wandb["tags"]) == [NODE_TAG, "wandbsweep:trainer-error"]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_one_that_logs_nan(trial, value):
    handed = trial(INIT + LOGS + f"run.log({{'reward': float('{value}')}})\n")
    assert handed.process.wait(30) == 66
    assert handed.record["cause"] == "nan-metric"
    assert "wandbsweep:nan-metric" in handed.on_wandb["tags"]


def test_one_that_logs_nan_and_recovers_has_finished(trial):
    handed = trial(INIT + "run.log({'reward': float('nan')})\n" + LOGS)
    assert handed.process.wait(30) == 0
    assert handed.record["cause"] == "finished"
    assert handed.on_wandb["tags"] == []


NEVER_EXITS = """
import os, sys
from wandbsweep.agent.attempts import Attempts
from wandbsweep.agent.home import trial_home
from wandbsweep.agent.signal_inbox import SignalInbox
from wandbsweep.agent.trainer import SIGNALS
from wandbsweep.agent.trial_settings import TrialSettings
from wandbsweep.agent.wandb_run import RunReporter
from wandbsweep.agent.watch import Limits
with SignalInbox(SIGNALS) as inbox:
    settings = TrialSettings(Limits(lingering=2))
    attempts = Attempts(inbox, settings, RunReporter.from_environ(os.environ), trial_home(os.environ))
    end = attempts.run([sys.executable, "train.py"], os.environ)
print(end.cause, end.exit_code)
"""


@pytest.mark.parametrize("at_sigterm", ["", IGNORES_SIGTERM])
def test_one_that_never_exits_after_its_run_has_finished(handed, spawn, tmp_path, at_sigterm):
    (tmp_path / "train.py").write_text(
        INIT + at_sigterm + LOGS + "run.finish()\nprint('done', flush=True)\n" + FOR_EVER
    )
    sources = str(Path(__file__).parents[3] / "operator")
    launcher = spawn([sys.executable, "-c", NEVER_EXITS], {**handed.environ, "PYTHONPATH": sources})
    assert launcher.wait(50) == 0
    assert (tmp_path / "stdout").read_text().splitlines()[-1] == "finished 0"
    assert handed.on_wandb["state"] == "finished"


def test_one_that_ends_without_a_word_to_wandb_has_finished_all_the_same(trial):
    """Isaac Sim ends the process when it is closed, before the SDK can say that the run is over."""
    handed = trial(QUICK + "log()\nos._exit(0)\n")
    assert handed.process.wait(40) == 0
    assert handed.record["cause"] == "finished"
    assert handed.on_wandb["state"] == "finished"


def test_one_that_crashes_after_its_run_has_finished(trial):
    """Simulators do, when they are taken down."""
    handed = trial(INIT + LOGS + "run.finish()\n" + DIES)
    assert handed.process.wait(30) == 0
    assert handed.record["cause"] == "finished"
    assert handed.on_wandb["state"] == "finished"


def test_one_that_dies_before_its_first_metric_is_started_again_with_the_same_run(trial, tmp_path):
    handed = trial(INIT + DIES_THE_FIRST_TIME + LOGS, WANDBSWEEP_STARTUP_RETRIES="1")
    assert handed.process.wait(50) == 0
    assert handed.record["cause"] == "finished"
    assert (handed.on_wandb["state"], handed.on_wandb["tags"]) == ("finished", [])
    told = [line for line in (tmp_path / "stderr").read_text().splitlines() if "started again" in line]
    assert len(told) == 1
    assert "simulator-start" in told[0]
    assert handed.record["seconds"]["startup"] > 0


def test_one_that_dies_again_and_again_is_given_up(trial, tmp_path):
    handed = trial("import os, signal\nopen('starts', 'a').write('x')\n" + DIES, WANDBSWEEP_STARTUP_RETRIES="2")
    assert handed.process.wait(30) == 128 + signal.SIGSEGV
    assert (tmp_path / "starts").read_text() == "xxx"
    assert handed.record["cause"] == "simulator-start"
    assert sorted(handed.on_wandb["tags"]) == [NODE_TAG, "wandbsweep:simulator-start"]


def test_one_that_dies_after_its_first_metric_is_not_started_again(trial, tmp_path):
    handed = trial(INIT + LOGS + "time.sleep(4)\n" + DIES, WANDBSWEEP_STARTUP_RETRIES="2")
    assert handed.process.wait(30) == 128 + signal.SIGSEGV
    assert handed.record["cause"] == "trainer-error"
    assert "started again" not in (tmp_path / "stderr").read_text()


def test_a_refused_argument_is_not_worth_a_second_start(trial, tmp_path):
    trainer = (
        "import argparse\nopen('starts', 'a').write('x')\nargparse.ArgumentParser().parse_args(['--momentum=1'])\n"
    )
    handed = trial(trainer, WANDBSWEEP_STARTUP_RETRIES="2")
    assert handed.process.wait(30) == 2
    assert handed.record["cause"] == "bad-arguments"
    assert (tmp_path / "starts").read_text() == "x"


def test_nobody_is_ended_for_silence_while_wandb_cannot_be_asked(trial):
    limits = {"WANDBSWEEP_STARTUP_TIMEOUT_SECONDS": "1", "WANDBSWEEP_STALL_TIMEOUT_SECONDS": "1"}
    with reserved_port() as port:
        handed = trial("import time\ntime.sleep(4)\n", WANDB_BASE_URL=f"http://127.0.0.1:{port}", **limits)
        assert handed.process.wait(40) == 0
    assert handed.record["cause"] == "finished"


def test_a_limit_that_cannot_be_read_starts_nothing(trial, tmp_path):
    handed = trial("open('started', 'w')\n", WANDBSWEEP_TIMEOUT_SECONDS="1h")
    assert handed.process.wait(30) == 64
    assert handed.record["cause"] == "bad-arguments"
    assert "WANDBSWEEP_TIMEOUT_SECONDS" in (tmp_path / "stderr").read_text()
    assert not (tmp_path / "started").exists()


def test_on_a_workstation_nothing_is_limited_and_the_whole_trial_still_has_its_cause(runtime, tmp_path):
    environ = {"PATH": os.environ["PATH"], "WANDB_RUN_ID": "r9", "WANDB_DIR": str(tmp_path), "HOME": str(tmp_path)}
    command = [runtime / "bin" / "wandbsweep", "trial", "{}", "--", sys.executable, "-c", "raise MemoryError"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr
    record = json.loads((tmp_path / "wandb" / "wandbsweep" / "outcomes" / "r9.json").read_text())
    assert record["cause"] == "out-of-memory"
