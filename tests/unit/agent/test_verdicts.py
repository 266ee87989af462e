"""Each end of a trial has exactly one cause, and one exit code that does not contradict it."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.conclusion import exit_code
from wandbsweep.agent.exit_codes import TrialExit
from wandbsweep.agent.verdicts import Stage, TrialFacts, cause_of
from wandbsweep.agent.wandb_run import RunLook

TRAINED = RunLook(exists=True, begun=True, state="finished", history_lines=3, metric=1.0)
NAN = RunLook(exists=True, begun=True, state="finished", history_lines=3, metric_is_bad=True)
HANDED_OUT = RunLook(exists=True, state="pending")
KILLED = RunLook(exists=True, begun=True, state="killed", history_lines=3)

ARGPARSE = "usage: train.py [-h] [--lr LR]\ntrain.py: error: unrecognized arguments: --momentum=0.9\n"
HYDRA = "Could not override 'agent.lrr'.\nTo append to your config use +agent.lrr=1\nKey 'lrr' is not in struct\n"
CUDA = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB.\n"
VULKAN = "[Error] [carb.graphics-vulkan.plugin] vkCreateInstance failed. Vulkan 1.1 is not supported\n"
GPU_CRASH = (
    "[Error] [gpu.foundation.plugin] A GPU crash occurred. Exiting the application...\n"
    "Reasons for the failure: a device lost, out of memory, or an unexpected bug.\n"
)
WORKER = "RuntimeError: DataLoader worker (pid 17) is killed by signal: Killed.\n"
KILL, TERM, SEGV, ABRT = (128 + number for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT))

ROWS = [
    (TrialFacts(), Cause.FINISHED),
    (TrialFacts(run=TRAINED), Cause.FINISHED),
    (TrialFacts(run=NAN), Cause.NAN_METRIC),
    (TrialFacts(run=HANDED_OUT), Cause.NO_RUN),
    (TrialFacts(run=RunLook(exists=False)), Cause.NO_RUN),
    (TrialFacts(exit_code=3), Cause.TRAINER_ERROR),
    (TrialFacts(exit_code=1, run=NAN), Cause.NAN_METRIC),
    (TrialFacts(exit_code=1, run=HANDED_OUT, tail="ModuleNotFoundError: No module named 'x'\n"), Cause.TRAINER_ERROR),
    # asked to end
    (TrialFacts(exit_code=TERM, asked=True), Cause.STOPPED),
    (TrialFacts(exit_code=TERM, asked=True, draining=True), Cause.PREEMPTED),
    (TrialFacts(exit_code=TERM, asked=True, draining=True, run=KILLED), Cause.STOPPED),
    (TrialFacts(exit_code=KILL, asked=True, draining=True, killed=True, oom_kills=1), Cause.PREEMPTED),
    (TrialFacts(exit_code=0, asked=True, draining=True, run=TRAINED), Cause.FINISHED),
    (TrialFacts(exit_code=0, asked=True, draining=True, run=HANDED_OUT), Cause.PREEMPTED),
    (TrialFacts(exit_code=1, asked=True, draining=True, run=TRAINED, run_finished=True), Cause.FINISHED),
    (TrialFacts(exit_code=1, asked=True, tail=CUDA), Cause.STOPPED),
    # the watchdog
    (TrialFacts(exit_code=TERM, watchdog=Cause.STALLED), Cause.STALLED),
    (TrialFacts(exit_code=0, watchdog=Cause.RUN_TIMEOUT, run=TRAINED), Cause.RUN_TIMEOUT),
    (TrialFacts(exit_code=KILL, watchdog=Cause.STARTUP_TIMEOUT, killed=True, oom_kills=1), Cause.STARTUP_TIMEOUT),
    (TrialFacts(exit_code=TERM, watchdog=Cause.STALLED, asked=True, draining=True), Cause.STALLED),
    (TrialFacts(exit_code=KILL, watchdog=Cause.FINISHED, killed=True, run=TRAINED), Cause.FINISHED),
    (TrialFacts(exit_code=TERM, watchdog=Cause.FINISHED, run=NAN), Cause.NAN_METRIC),
    # memory
    (TrialFacts(exit_code=KILL, oom_kills=1, metric_seen=True), Cause.OUT_OF_MEMORY),
    (TrialFacts(exit_code=KILL), Cause.TRAINER_ERROR),
    (TrialFacts(exit_code=1, oom_kills=1), Cause.TRAINER_ERROR),
    (TrialFacts(exit_code=1, oom_kills=1, tail=WORKER), Cause.OUT_OF_MEMORY),
    (TrialFacts(exit_code=1, tail=WORKER), Cause.TRAINER_ERROR),
    (TrialFacts(exit_code=1, tail=CUDA, metric_seen=True), Cause.OUT_OF_MEMORY),
    (TrialFacts(exit_code=1, tail="Traceback\n  x\nMemoryError\n"), Cause.OUT_OF_MEMORY),
    (TrialFacts(exit_code=0, tail=CUDA, run=TRAINED), Cause.FINISHED),
    # arguments
    (TrialFacts(exit_code=2, tail=ARGPARSE), Cause.BAD_ARGUMENTS),
    (TrialFacts(exit_code=1, tail=ARGPARSE), Cause.TRAINER_ERROR),
    (TrialFacts(exit_code=1, tail=HYDRA, metric_seen=False), Cause.BAD_ARGUMENTS),
    (TrialFacts(exit_code=1, tail=HYDRA, metric_seen=True), Cause.TRAINER_ERROR),
    (TrialFacts(exit_code=127, tail="train.sh: line 3: python3.99: command not found\n"), Cause.BAD_ARGUMENTS),
    (TrialFacts(exit_code=127), Cause.TRAINER_ERROR),
    # the simulator
    (TrialFacts(exit_code=SEGV, metric_seen=False), Cause.SIMULATOR_START),
    (TrialFacts(exit_code=ABRT), Cause.SIMULATOR_START),
    (TrialFacts(exit_code=SEGV, metric_seen=True), Cause.TRAINER_ERROR),
    (TrialFacts(exit_code=SEGV, metric_seen=True, run=TRAINED, run_finished=True), Cause.FINISHED),
    (TrialFacts(exit_code=1, tail=VULKAN, metric_seen=False), Cause.SIMULATOR_START),
    (TrialFacts(exit_code=1, tail=VULKAN, metric_seen=True), Cause.TRAINER_ERROR),
    (TrialFacts(exit_code=1, tail=GPU_CRASH, metric_seen=False), Cause.SIMULATOR_START),
]


@pytest.mark.parametrize(("facts", "cause"), ROWS)
def test_each_end_has_its_cause(facts, cause):
    assert cause_of(facts) is cause


looks = st.sampled_from([None, TRAINED, NAN, HANDED_OUT, KILLED, RunLook(exists=False)])
watchdogs = st.sampled_from(
    [None, Cause.FINISHED, Cause.STARTUP_TIMEOUT, Cause.STALLED, Cause.RUN_TIMEOUT],
)
every_fact = st.builds(
    TrialFacts,
    exit_code=st.one_of(st.sampled_from([0, 1, 2, 126, 127, KILL, TERM, SEGV]), st.integers(0, 255)),
    watchdog=watchdogs,
    asked=st.booleans(),
    draining=st.booleans(),
    killed=st.booleans(),
    oom_kills=st.integers(0, 2),
    tail=st.one_of(st.sampled_from(["", ARGPARSE, HYDRA, CUDA, VULKAN]), st.text(max_size=200)),
    metric_seen=st.sampled_from([None, True, False]),
    run=looks,
    run_finished=st.booleans(),
)


@given(every_fact)
def test_whatever_is_known_there_is_one_cause_that_a_trial_can_have(facts):
    assert cause_of(facts) in set(Cause) - {Cause.NODE_LOST}


@given(every_fact)
def test_only_a_finished_trial_ends_with_code_0(facts):
    cause = cause_of(facts)
    assert (exit_code(cause, facts) == 0) is (cause is Cause.FINISHED)


@given(every_fact)
def test_nobody_is_blamed_for_an_end_that_was_asked_for(facts):
    asked = replace(facts, asked=True, watchdog=None)
    cause = cause_of(asked)
    assert not cause.of_user or (facts.exit_code == 0 or facts.run_finished)


@given(every_fact)
def test_a_second_start_is_for_trials_without_a_metric_only(facts):
    seen = replace(facts, metric_seen=True)
    assert cause_of(seen) is not Cause.SIMULATOR_START


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (TrialFacts(exit_code=7), 7),
        (TrialFacts(run=HANDED_OUT), 65),
        (TrialFacts(run=NAN), 66),
        (TrialFacts(exit_code=5, run=NAN), 5),
        (TrialFacts(exit_code=0, watchdog=Cause.STALLED), 67),
        (TrialFacts(exit_code=TERM, watchdog=Cause.STALLED), TERM),
        (TrialFacts(exit_code=KILL, watchdog=Cause.FINISHED, run=NAN), 66),
        (TrialFacts(asked=True, run=HANDED_OUT), TERM),
    ],
)
def test_the_exit_code_is_the_trainers_unless_it_says_the_opposite(facts, code):
    assert exit_code(cause_of(facts), facts) == code


NO_SCORE = RunLook(exists=True, begun=True, state="running", history_lines=3)
TRAINING, EVALUATION = {"stage": Stage.TRAINING}, {"stage": Stage.EVALUATION, "awaits_metric": True}

STAGES = [
    (TrialFacts(**TRAINING, run=NAN), Cause.FINISHED),
    (TrialFacts(**TRAINING, run=HANDED_OUT), Cause.FINISHED),
    (TrialFacts(**TRAINING, asked=True, draining=True, run=TRAINED), Cause.PREEMPTED),
    (TrialFacts(**TRAINING, asked=True, run=TRAINED, run_finished=True), Cause.STOPPED),
    (TrialFacts(**TRAINING, exit_code=SEGV, run_finished=True, metric_seen=True), Cause.FINISHED),
    (TrialFacts(**TRAINING, exit_code=1), Cause.TRAINER_ERROR),
    (TrialFacts(**EVALUATION, run=TRAINED), Cause.FINISHED),
    (TrialFacts(**EVALUATION, run=NO_SCORE), Cause.FINISHED),
    (TrialFacts(**EVALUATION, run=NAN), Cause.NAN_METRIC),
    (TrialFacts(**EVALUATION, run=HANDED_OUT), Cause.NO_RUN),
    (TrialFacts(**EVALUATION, exit_code=3, run=NO_SCORE), Cause.EVALUATION_FAILED),
    (TrialFacts(**EVALUATION, exit_code=1, tail=CUDA), Cause.EVALUATION_FAILED),
    (TrialFacts(**EVALUATION, exit_code=2, tail=ARGPARSE), Cause.EVALUATION_FAILED),
    (TrialFacts(**EVALUATION, exit_code=TERM, watchdog=Cause.STALLED), Cause.EVALUATION_FAILED),
    (TrialFacts(**EVALUATION, exit_code=0, watchdog=Cause.EVALUATION_FAILED), Cause.EVALUATION_FAILED),
    (TrialFacts(**EVALUATION, exit_code=TERM, watchdog=Cause.RUN_TIMEOUT), Cause.RUN_TIMEOUT),
    (TrialFacts(**EVALUATION, exit_code=TERM, asked=True, draining=True), Cause.PREEMPTED),
    (TrialFacts(**EVALUATION, exit_code=0, asked=True, draining=True, run=NO_SCORE), Cause.PREEMPTED),
    (TrialFacts(**EVALUATION, exit_code=0, asked=True, draining=True, run=TRAINED), Cause.FINISHED),
]


@pytest.mark.parametrize(("facts", "cause"), STAGES)
def test_each_stage_of_a_trial_has_its_causes(facts, cause):
    assert cause_of(facts) is cause
    assert (exit_code(cause, facts) == 0) is (cause is Cause.FINISHED)


def test_an_evaluation_that_answers_its_time_out_with_0_has_failed_all_the_same():
    facts = TrialFacts(**EVALUATION, exit_code=0, watchdog=Cause.STALLED)
    assert exit_code(cause_of(facts), facts) == TrialExit.TIMED_OUT
