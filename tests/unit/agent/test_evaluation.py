"""A trial of two stages with the real SDK and a real server: one run, over once, with the score of its evaluation."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from waiting import until
from wandbsweep.sweep.rendering.evaluation import EvaluationStage
from wandbsweep.sweep.rendering.launch import ARGS_MACRO, launch_words

TRAINS = """
import json, os, pathlib, sys, wandb
with wandb.init() as run:
    for step in range(3):
        run.log({"loss": 1.0 / (step + 1)})
pathlib.Path("policy").write_text(" ".join(sys.argv[1:]))
"""
TRAINS_WITHOUT_WANDB = "import pathlib\npathlib.Path('policy').touch()\nprint('trained')\n"
EVALUATES = """
import pathlib, sys, wandb
assert pathlib.Path("policy").exists()
with wandb.init() as run:
    run.log({"reward": 7.5})
"""
INIT = "import os, pathlib, signal, sys, time, wandb\nrun = wandb.init()\npathlib.Path('ready').touch()\n"
READY = "import os, pathlib, signal, sys, time\npathlib.Path('ready').touch()\n"
FOR_EVER = "while True: time.sleep(0.1)\n"
DIES = "os.kill(os.getpid(), signal.SIGSEGV)\n"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def trial(handed, runtime, spawn, tmp_path):
    """Starts the trial of this trainer with this evaluation."""

    def start(trainer, evaluator, *more, timeout=None, args="{}", **variables):
        (tmp_path / "train.py").write_text(trainer)
        (tmp_path / "evaluate.py").write_text(evaluator)
        stage = EvaluationStage((sys.executable, "evaluate.py", *more), timeout)
        words = launch_words([sys.executable, "train.py", "${args}"], evaluation=stage)[1:]
        words = [args if word == ARGS_MACRO else word for word in words]
        handed.process = spawn([runtime / "bin" / "wandbsweep", *words], {**handed.environ, **variables})
        return handed

    return start


def summary(handed):
    return json.loads(handed.on_wandb["summaryMetrics"])


def history(handed):
    return [json.loads(row) for row in handed.on_wandb["history"]]


def test_training_and_evaluation_are_one_run_that_finishes_once(trial, tmp_path):
    handed = trial(TRAINS, EVALUATES, args='{"lr": 0.5}')
    assert handed.process.wait(60) == 0, (tmp_path / "stderr").read_text()
    run = handed.on_wandb
    assert (run["state"], run["tags"]) == ("finished", [])
    assert handed.states == ["finished"]
    assert (tmp_path / "policy").read_text() == "--lr=0.5"
    rows = history(handed)
    assert [row.get("loss") for row in rows[:3]] == [1.0, 0.5, 1.0 / 3]
    assert rows[3]["reward"] == 7.5
    assert [row["_step"] for row in rows] == [0, 1, 2, 3]
    told = summary(handed)
    assert (told["reward"], told["loss"]) == (7.5, 1.0 / 3)
    assert told["time.train"] > 0
    assert told["time.eval"] > 0
    assert told["time.total"] == pytest.approx(told["time.train"] + told["time.eval"], abs=0.002)
    record = handed.record
    assert (record["cause"], record["exitCode"]) == ("finished", 0)
    assert sum(record["seconds"].values()) == pytest.approx(told["time.total"], abs=0.01)


def test_the_score_of_an_evaluation_is_enough_where_the_training_logs_nothing(trial):
    """Whatever is asked of trainers that log: a start that hangs prints nothing."""
    prints = "import time\nfor _ in range(12):\n    print('step', flush=True)\n    time.sleep(0.5)\n"
    limits = {"WANDBSWEEP_STARTUP_TIMEOUT_SECONDS": "3", "WANDBSWEEP_STALL_TIMEOUT_SECONDS": "20"}
    handed = trial(prints + TRAINS_WITHOUT_WANDB, EVALUATES, **limits)
    assert handed.process.wait(60) == 0
    assert (handed.on_wandb["state"], handed.states, summary(handed)["reward"]) == ("finished", ["finished"], 7.5)


def test_a_training_that_hangs_at_its_start_is_ended_all_the_same(trial, tmp_path):
    handed = trial(READY + FOR_EVER, EVALUATES, WANDBSWEEP_STARTUP_TIMEOUT_SECONDS="3")
    assert handed.process.wait(60) == 128 + signal.SIGTERM
    assert handed.record["cause"] == "startup-timeout"
    assert handed.on_wandb["state"] == "failed"


def test_an_evaluation_that_does_not_talk_to_wandb_ends_the_run_as_well(trial):
    handed = trial(TRAINS, "print('42')\n")
    assert handed.process.wait(60) == 0
    assert (handed.on_wandb["state"], handed.states) == ("finished", ["finished"])
    told = summary(handed)
    assert (told["loss"], told["time.eval"] > 0) == (1.0 / 3, True)


def test_a_trial_of_which_nothing_was_reported_has_no_run(trial):
    handed = trial(TRAINS_WITHOUT_WANDB, "print('42')\n")
    assert handed.process.wait(60) == 65
    assert handed.record["cause"] == "no-run"
    assert handed.on_wandb["state"] == "failed"


def test_a_score_that_is_no_number_fails_the_trial(trial):
    handed = trial(TRAINS, EVALUATES.replace("7.5", "float('nan')"))
    assert handed.process.wait(60) == 66
    assert handed.record["cause"] == "nan-metric"
    assert summary(handed)["time.total"] > 0


def test_a_score_that_was_no_number_in_training_only_does_not(trial):
    handed = trial(TRAINS.replace('"loss"', '"reward"').replace("1.0 / (step + 1)", "float('nan')"), EVALUATES)
    assert handed.process.wait(60) == 0
    assert (handed.record["cause"], summary(handed)["reward"]) == ("finished", 7.5)


def test_an_evaluation_that_fails_fails_the_trial(trial, tmp_path):
    fails = EVALUATES + "print('no such task', file=sys.stderr)\nsys.exit(3)\n"
    handed = trial(TRAINS, fails)
    assert handed.process.wait(60) == 3
    record = handed.record
    assert (record["cause"], record["outcome"], record["exitCode"]) == ("evaluation-failed", "failed", 3)
    assert record["lastLine"] == "the evaluation ended with code 3: no such task"
    assert (handed.on_wandb["state"], handed.states) == ("failed", ["failed"])
    assert "wandbsweep:evaluation-failed" in handed.on_wandb["tags"]
    assert summary(handed)["time.total"] > summary(handed)["time.train"]


def test_an_evaluation_that_dies_is_not_started_again(trial, tmp_path):
    counts = "open('starts', 'a').write('x')\n"
    handed = trial(TRAINS, READY + counts + DIES, WANDBSWEEP_STARTUP_RETRIES="3")
    assert handed.process.wait(60) == 128 + signal.SIGSEGV
    assert handed.record["lastLine"].startswith("the evaluation died by SIGSEGV")
    assert (tmp_path / "starts").read_text() == "x"


@pytest.mark.parametrize("at_sigterm", ["", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"])
def test_an_evaluation_that_takes_too_long_is_ended(trial, at_sigterm):
    handed = trial(TRAINS, READY + at_sigterm + "print('episode 1', flush=True)\n" + FOR_EVER, timeout=3)
    assert handed.process.wait(60) == (67 if at_sigterm else 128 + signal.SIGTERM)
    record = handed.record
    assert record["cause"] == "evaluation-failed"
    assert record["lastLine"] == "the evaluation took longer than evaluation.timeoutSeconds, 3 s: episode 1"
    assert (handed.on_wandb["state"], handed.states) == ("failed", ["failed"])
    assert 3 <= summary(handed)["time.eval"] < 20


def test_an_evaluation_that_falls_silent_is_ended(trial):
    handed = trial(TRAINS, READY + FOR_EVER, WANDBSWEEP_STALL_TIMEOUT_SECONDS="12")
    assert handed.process.wait(60) == 128 + signal.SIGTERM
    assert handed.record["cause"] == "evaluation-failed"
    assert "trial.stallTimeoutSeconds, 12 s" in handed.record["lastLine"]


def test_the_whole_trial_has_its_time_out_for_both(trial):
    handed = trial(TRAINS, READY + FOR_EVER, WANDBSWEEP_TIMEOUT_SECONDS="8")
    assert handed.process.wait(60) == 128 + signal.SIGTERM
    assert handed.record["cause"] == "run-timeout"
    assert sum(handed.record["seconds"].values()) < 20


def test_an_evaluation_that_is_not_there_is_named(trial, tmp_path, runtime, handed, spawn):
    words = launch_words(["true"], evaluation=EvaluationStage(("/nowhere/evaluate",)))[1:]
    words = ["{}" if word == ARGS_MACRO else word for word in words]
    process = spawn([runtime / "bin" / "wandbsweep", *words], handed.environ)
    assert process.wait(60) == 127
    assert handed.record["cause"] == "evaluation-failed"
    assert "/nowhere/evaluate" in handed.record["lastLine"]
    assert "spec.evaluation.command" in handed.record["lastLine"]


def test_a_training_that_failed_is_not_evaluated(trial, tmp_path):
    handed = trial(TRAINS + "sys.exit(9)\n", "open('evaluated', 'w')\n")
    assert handed.process.wait(60) == 9
    assert not (tmp_path / "evaluated").exists()
    assert (handed.record["cause"], handed.on_wandb["state"], handed.states) == ("trainer-error", "failed", ["failed"])
    told = summary(handed)
    assert told["time.total"] == told["time.train"]
    assert "time.eval" not in told


def test_a_simulator_that_dies_at_its_close_is_evaluated(trial):
    """The SDK had closed its part of the run before that, without an exception."""
    handed = trial(TRAINS + "import signal\n" + DIES, EVALUATES)
    assert handed.process.wait(60) == 0
    assert (handed.on_wandb["state"], summary(handed)["reward"]) == ("finished", 7.5)


def test_a_training_that_dies_after_an_exception_is_not_evaluated(trial, tmp_path):
    raises = (
        "import os, signal, traceback, wandb\n"
        "try:\n    with wandb.init() as run:\n        run.log({'loss': 1.0})\n        raise ValueError('diverged')\n"
        "except ValueError:\n    traceback.print_exc()\n" + DIES
    )
    handed = trial(raises, "open('evaluated', 'w')\n")
    assert handed.process.wait(60) == 128 + signal.SIGSEGV
    assert handed.record["cause"] == "trainer-error"
    assert not (tmp_path / "evaluated").exists()


@pytest.mark.parametrize(
    ("trainer", "evaluator"), [(INIT + FOR_EVER, EVALUATES), (TRAINS, INIT + FOR_EVER), (TRAINS, READY + FOR_EVER)]
)
@pytest.mark.parametrize("cause", ["stopped", "preempted"])
def test_a_trial_that_is_asked_to_end_in_either_stage(trial, tmp_path, trainer, evaluator, cause):
    handed = trial(trainer, evaluator)
    until((tmp_path / "ready").exists, "the stage works", seconds=40)
    if cause == "preempted":
        (Path(handed.environ["WANDBSWEEP_HOME"]) / "draining").touch()
    handed.process.terminate()
    assert handed.process.wait(30) == -signal.SIGTERM
    assert handed.record["cause"] == cause
    assert handed.on_wandb["tags"] == [f"wandbsweep:{cause}"]
    assert handed.on_wandb["state"] == ("preempted" if cause == "preempted" else "failed")
    assert "time.total" not in summary(handed)


def test_a_training_that_ends_well_because_it_was_asked_to_is_not_evaluated(trial, tmp_path):
    saves = INIT + "signal.signal(signal.SIGTERM, lambda *_: (run.finish(), os._exit(0)))\n"
    handed = trial(saves + "pathlib.Path('armed').touch()\n" + FOR_EVER, "open('evaluated', 'w')\n")
    until((tmp_path / "armed").exists, "the trainer works", seconds=40)
    (Path(handed.environ["WANDBSWEEP_HOME"]) / "draining").touch()
    handed.process.terminate()
    assert handed.process.wait(30) == -signal.SIGTERM
    assert (handed.record["cause"], handed.on_wandb["state"]) == ("preempted", "preempted")
    assert not (tmp_path / "evaluated").exists()


def test_what_an_interrupted_life_trained_counts_when_the_run_goes_on(trial, tmp_path):
    handed = trial(TRAINS, READY + FOR_EVER)
    until((tmp_path / "ready").exists, "the evaluation works", seconds=40)
    (Path(handed.environ["WANDBSWEEP_HOME"]) / "draining").touch()
    handed.process.terminate()
    assert handed.process.wait(30) == -signal.SIGTERM
    first = summary(handed)["time.train"]
    assert first > 0

    (Path(handed.environ["WANDBSWEEP_HOME"]) / "draining").unlink()
    handed = trial("print('trained before')\n", EVALUATES)
    assert handed.process.wait(60) == 0
    assert (handed.on_wandb["state"], handed.on_wandb["tags"]) == ("finished", ["wandbsweep:preempted"])
    told = summary(handed)
    assert told["time.train"] > first
    assert told["reward"] == 7.5
    assert told["time.total"] == pytest.approx(told["time.train"] + told["time.eval"], abs=0.002)


def test_an_evaluation_has_the_macros_of_a_command(trial, tmp_path):
    prints = "import json, sys\nopen('argv', 'w').write(json.dumps(sys.argv[1:]))\n"
    handed = trial(
        TRAINS,
        prints,
        "${args_no_hyphens}",
        "--told=${envvar:TASK}",
        "${args_json}",
        "--folder=${checkpoint_dir}",
        args='{"lr": 0.5, "name": "a b", "wandbsweep": {"name": "s.r.4", "number": 4}}',
        TASK="Ant",
        WANDBSWEEP_CHECKPOINTS=str(tmp_path / "checkpoints"),
    )
    assert handed.process.wait(60) == 0
    folder = tmp_path / "checkpoints" / handed.environ["WANDB_SWEEP_ID"] / handed.run_id
    assert json.loads((tmp_path / "argv").read_text()) == [
        "lr=0.5",
        "name='a b'",
        "--told=Ant",
        '{"lr": 0.5, "name": "a b"}',
        f"--folder={folder}",
    ]
    assert handed.on_wandb["displayName"] == "s.r.4"


def test_a_folder_that_nobody_gives_stops_the_trial_before_anything_starts(trial, tmp_path):
    handed = trial("open('started', 'w')\n", "", "${checkpoint_dir}")
    assert handed.process.wait(30) == 64
    assert "evaluation.command asks for ${checkpoint_dir}" in (tmp_path / "stderr").read_text()
    assert not (tmp_path / "started").exists()


def test_a_value_that_the_evaluation_cannot_be_given_stops_the_trial_before_anything_starts(trial, tmp_path):
    handed = trial("open('started', 'w')\n", "", "${args_no_hyphens}", args='{"a": {"b^c": 1}}')
    assert handed.process.wait(30) == 64
    assert "evaluation.command: parameter 'a'" in (tmp_path / "stderr").read_text()
    assert not (tmp_path / "started").exists()


def test_a_run_is_over_when_wandb_is_back_if_it_is_away_at_the_end(trial, tmp_path):
    waits = READY + "while not pathlib.Path('gone').exists(): time.sleep(0.1)\n"
    handed = trial(TRAINS, waits)
    until((tmp_path / "ready").exists, "the evaluation works", seconds=40)
    record = Path(handed.environ["WANDBSWEEP_HOME"]) / "outcomes" / f"{handed.run_id}.json"
    handed.server.stop()
    try:
        (tmp_path / "gone").touch()
        until(record.exists, "the trial is over")
        assert handed.process.poll() is None
    finally:
        handed.server.start()
    assert handed.process.wait(60) == 0
    assert (handed.on_wandb["state"], summary(handed)["loss"]) == ("finished", 1.0 / 3)
    assert summary(handed)["time.total"] > 0


def test_whoever_waits_for_wandb_at_the_end_leaves_when_asked(trial, tmp_path):
    waits = READY + "while not pathlib.Path('gone').exists(): time.sleep(0.1)\n"
    handed = trial(TRAINS, waits)
    until((tmp_path / "ready").exists, "the evaluation works", seconds=40)
    record = Path(handed.environ["WANDBSWEEP_HOME"]) / "outcomes" / f"{handed.run_id}.json"
    handed.server.stop()
    try:
        (tmp_path / "gone").touch()
        until(record.exists, "the trial is over")
        handed.process.terminate()
        assert handed.process.wait(20) == 0
    finally:
        handed.server.start()
