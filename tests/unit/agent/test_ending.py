"""What the end of the W&B agent means: one row for each combination of factors that occurs."""

from __future__ import annotations

import pytest

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.ending import AgentFacts, classify
from wandbsweep.agent.exit_codes import AgentExit
from wandbsweep.agent.outcomes import Tally, TrialRecord

NO_RUNS = Tally()
FAILURE = TrialRecord("r3", Cause.TRAINER_ERROR, 1, 3.0)
ALL_FAILED = Tally(failed=3, last_failure=FAILURE)
SOME_FAILED = Tally(finished=2, failed=1, last_failure=FAILURE)
FINISHED = Tally(finished=3)
STOPPED = Tally(stopped=2)
PREEMPTED = Tally(preempted=1)

START = "wandb: Starting wandb agent\n"
ERROR = START + "wandb: ERROR Find detailed error logs at: /tmp/debug-cli.agent.log\nError: "
UNVERIFIED = ERROR + "Failed to verify credentials with http://wandb:8080: "

ROWS = [
    # return code, tail, runs, drained -> code
    (0, START, NO_RUNS, False, AgentExit.DONE),
    (0, START, FINISHED, False, AgentExit.DONE),
    (0, START, SOME_FAILED, False, AgentExit.DONE),
    (0, START, STOPPED, False, AgentExit.DONE),
    (0, START, PREEMPTED, False, AgentExit.DONE),
    (1, START + "CommError: Sweep team/lab/abc is not running", NO_RUNS, False, AgentExit.DONE),
    (0, START, NO_RUNS, True, AgentExit.DRAINED),
    (-15, START, NO_RUNS, True, AgentExit.DRAINED),
    (-9, START, ALL_FAILED, True, AgentExit.DRAINED),
    (1, UNVERIFIED + "connection refused", NO_RUNS, True, AgentExit.DRAINED),
    (0, START, ALL_FAILED, False, AgentExit.RUNS_FAILED),
    (0, "x - ERROR - Detected 3 failed runs in a row, shutting down.", NO_RUNS, False, AgentExit.RUNS_FAILED),
    (0, "wandb: ERROR Detected 3 consecutive failed runs, shutting down.", FINISHED, False, AgentExit.RUNS_FAILED),
    (1, "wandb: ERROR Sweep was deleted or agent was not found.\n", NO_RUNS, False, AgentExit.SWEEP_GONE),
    (0, "wandb: ERROR Sweep was deleted or agent was not found.\n", FINISHED, False, AgentExit.SWEEP_GONE),
    (0, "wandb: ERROR Sweep was deleted or agent was not found.\n", ALL_FAILED, False, AgentExit.SWEEP_GONE),
    (1, "ValueError: Sweep team/lab/abc not found", NO_RUNS, False, AgentExit.SWEEP_GONE),
    (1, UNVERIFIED + "user is not logged in", NO_RUNS, False, AgentExit.API_KEY_REJECTED),
    (1, UNVERIFIED + "any words of another server", NO_RUNS, False, AgentExit.API_KEY_REJECTED),
    (1, ERROR + "WANDB_API_KEY invalid: API key must have 40+ characters", NO_RUNS, False, AgentExit.API_KEY_REJECTED),
    (1, ERROR + "No API key configured. Use `wandb login` to log in.", NO_RUNS, False, AgentExit.API_KEY_REJECTED),
    (1, UNVERIFIED + "the service process did not respond in time.", NO_RUNS, False, AgentExit.WANDB_UNREACHABLE),
    (1, UNVERIFIED + "dial tcp: lookup wandb: no such host", NO_RUNS, False, AgentExit.WANDB_UNREACHABLE),
    (1, UNVERIFIED + "dial tcp 10.0.0.1:80: connection refused", FINISHED, False, AgentExit.WANDB_UNREACHABLE),
    (1, "wandb: ERROR connection refused\nKeyError: 'surprise'", NO_RUNS, False, AgentExit.AGENT_CRASHED),
    (1, "KeyError: 'surprise'", SOME_FAILED, False, AgentExit.AGENT_CRASHED),
    (1, "", NO_RUNS, False, AgentExit.AGENT_CRASHED),
    (-9, START, FINISHED, False, AgentExit.AGENT_CRASHED),
]


@pytest.mark.parametrize(("return_code", "tail", "runs", "drained", "expected"), ROWS)
def test_each_end_has_its_code(return_code, tail, runs, drained, expected):
    facts = AgentFacts(return_code, tail, runs, drained=drained, server="http://wandb:8080")
    assert classify(facts).code is expected


def test_an_outage_that_was_survived_is_not_the_cause():
    facts = AgentFacts(0, "wandb: ERROR connection refused", FINISHED, drained=False, server="s")
    assert classify(facts).code is AgentExit.DONE


def test_the_message_names_the_last_failed_run():
    ending = classify(AgentFacts(0, START, ALL_FAILED, drained=False, server="s"))
    assert ending.message == "3 of 3 runs failed; the last, run r3, with exit code 1 (trainer-error)."


def test_the_message_repeats_what_the_trainer_said_last():
    failure = TrialRecord("r3", Cause.OUT_OF_MEMORY, 1, 3.0, last_line="MemoryError")
    ending = classify(AgentFacts(0, START, Tally(failed=1, last_failure=failure), drained=False, server="s"))
    assert ending.message == "1 of 1 runs failed; the last, run r3, with exit code 1 (out-of-memory): MemoryError"


def test_the_message_of_a_drained_agent_counts_its_runs():
    ending = classify(AgentFacts(0, START, SOME_FAILED, drained=True, server="s"))
    assert ending.message == "Ended as asked by a signal: 2 finished, 1 failed."


def test_the_message_of_an_outage_names_the_server_and_what_it_said():
    facts = AgentFacts(1, UNVERIFIED + "connection refused", NO_RUNS, drained=False, server="http://wandb:8080")
    assert classify(facts).message.startswith("http://wandb:8080 did not answer as it should: Error: Failed to verify")
