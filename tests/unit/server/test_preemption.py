"""What a run says, or has said for it, when its machine has to go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

ONE = {"method": "grid", "program": "train.py", "parameters": {"x": {"value": 1}}}
TWO = {"method": "grid", "program": "train.py", "parameters": {"x": {"values": [1, 2]}}}
TAG = """mutation($id: String, $tags: [String!]) {
  upsertBucket(input: {id: $id, tags: $tags}) { bucket { state tags } } }"""


@pytest.fixture
def sweep(lab):
    return lab.create(ONE)


def test_a_run_that_was_handed_out_and_never_began_goes_to_another_agent(lab, sweep):
    run = lab.next_run(lab.agent(sweep))
    lab.stream(run, {"preempting": True})
    lab.finish(run, 143)
    assert lab.runs(sweep) == {run: "preempted"}
    assert lab.next_run(lab.agent(sweep)) == run


def test_a_run_that_begins_while_its_machine_goes_stays_preempting(lab, sweep):
    run = lab.next_run(lab.agent(sweep))
    lab.stream(run, {"preempting": True})
    lab.start(run, sweep)
    assert lab.runs(sweep) == {run: "preempting"}
    lab.finish(run, 1)
    assert lab.runs(sweep) == {run: "preempted"}


def test_a_run_that_is_resumed_is_no_longer_preempting(lab, sweep):
    run = lab.next_run(lab.agent(sweep))
    lab.stream(run, {"preempting": True})
    lab.finish(run, 1)
    assert lab.next_run(lab.agent(sweep)) == run
    lab.start(run, sweep)
    assert lab.runs(sweep) == {run: "running"}
    lab.finish(run, 1)
    assert lab.runs(sweep) == {run: "failed"}


def test_of_many_agents_one_gets_the_preempted_run_and_the_others_wait(lab, sweep):
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    waiting = [lab.agent(sweep) for _ in range(8)]
    assert [lab.heartbeat(agent) for agent in waiting] == [[]] * 8
    lab.stream(run, {"preempting": True})
    lab.finish(run, 143)
    with ThreadPoolExecutor(8) as pool:
        commands = [each for answer in pool.map(lab.heartbeat, waiting) for each in answer]
    assert [(each["type"], each["run_id"]) for each in commands] == [("resume", run)]


def test_a_mark_that_comes_after_the_last_word_still_puts_the_run_into_the_queue(lab):
    sweep = lab.create(TWO)
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.finish(run, 1)
    lab.stream(run, {"preempting": True})
    assert lab.runs(sweep) == {run: "preempted"}
    assert lab.next_run(lab.agent(sweep)) == run


def test_a_mark_that_comes_after_the_end_of_the_sweep_changes_nothing(lab, sweep):
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.finish(run, 1)
    lab.stream(run, {"preempting": True})
    assert lab.runs(sweep) == {run: "failed"}
    assert lab.state(sweep) == "FINISHED"


def test_a_run_that_had_finished_is_not_taken_back(lab):
    sweep = lab.create(TWO)
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.finish(run)
    lab.stream(run, {"preempting": True})
    assert lab.runs(sweep) == {run: "finished"}


def test_a_run_that_was_given_up_and_is_preempted_after_all_goes_on_elsewhere(lab):
    sweep = lab.create(TWO)
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    lab.start(run, sweep)
    lab.heartbeat(agent, run)
    lab.heartbeat(agent)
    assert lab.runs(sweep)[run] == "crashed"
    lab.stream(run, {"preempting": True})
    assert lab.runs(sweep)[run] == "preempting"
    lab.finish(run, 143)
    assert lab.next_run(lab.agent(sweep)) == run


def test_a_preempted_run_of_a_paused_sweep_waits_for_it_to_go_on(lab):
    sweep = lab.create(TWO)
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.set_state(sweep, "PAUSED")
    lab.stream(run, {"preempting": True})
    lab.finish(run, 143)
    other = lab.agent(sweep)
    assert lab.heartbeat(other) == []
    lab.set_state(sweep, "RUNNING")
    assert lab.next_run(other) == run


def test_the_last_word_may_be_said_for_a_trainer_that_was_killed(lab):
    sweep = lab.create(TWO)
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.log(run, [{"reward": 1.0}])
    lab.finish(run, 137)
    assert lab.runs(sweep) == {run: "failed"}


@pytest.mark.parametrize("end", [None, 0, 1])
def test_tags_change_nothing_else_about_a_run(lab, end):
    sweep = lab.create(TWO)
    run = lab.next_run(lab.agent(sweep))
    if end is not None:
        lab.start(run, sweep)
        lab.finish(run, end)
    before = lab.runs(sweep)
    identity = next(edge["node"]["id"] for edge in lab.sweep(sweep)["runs"]["edges"])
    bucket = lab.server.graphql(TAG, {"id": identity, "tags": ["wandbsweep:stalled"]})["upsertBucket"]["bucket"]
    assert bucket == {"state": before[run], "tags": ["wandbsweep:stalled"]}
    assert lab.runs(sweep) == before
