"""Outcomes are counted from what the trials wrote, whatever else lies in the folder."""

from __future__ import annotations

import pytest

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.outcomes import (
    Outcome,
    Tally,
    TrialRecord,
    begin,
    forget,
    outcome_of,
    record,
    spent,
    tally,
    trials,
)


def counted(folder, now=100.0, *, drained=False):
    return tally(folder, now=now, drained=drained)


def test_each_run_is_counted_once_by_its_last_outcome(tmp_path):
    record(tmp_path, TrialRecord("a", Cause.FINISHED, 0, 1.0))
    record(tmp_path, TrialRecord("b", Cause.TRAINER_ERROR, 1, 2.0))
    record(tmp_path, TrialRecord("c", Cause.STOPPED, 143, 3.0))
    record(tmp_path, TrialRecord("d", Cause.PREEMPTED, 143, 4.0))
    record(tmp_path, TrialRecord("e", Cause.STOPPED, 143, 4.0))
    record(tmp_path, TrialRecord("e", Cause.FINISHED, 0, 5.0))
    found = counted(tmp_path)
    assert (found.finished, found.failed, found.stopped, found.preempted, found.total) == (2, 1, 1, 1, 5)
    assert found.causes == {"finished": 2, "trainer-error": 1, "stopped": 1, "preempted": 1}


def test_the_last_failure_is_kept(tmp_path):
    record(tmp_path, TrialRecord("z", Cause.TRAINER_ERROR, 1, 1.0))
    later = TrialRecord("a", Cause.OUT_OF_MEMORY, 137, 2.0, last_line="Killed")
    record(tmp_path, later)
    assert counted(tmp_path).last_failure == later


def test_trials_come_in_the_order_in_which_they_ended(tmp_path):
    for run_id, ended_at in (("a", 3.0), ("b", 1.0), ("c", 2.0)):
        record(tmp_path, TrialRecord(run_id, Cause.FINISHED, 0, ended_at))
    assert [trial.run_id for trial in trials(tmp_path)] == ["b", "c", "a"]


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_is_one_outcome(cause):
    named = {Cause.FINISHED: "finished", Cause.STOPPED: "stopped", Cause.PREEMPTED: "preempted"}
    assert outcome_of(cause) is Outcome(named.get(cause, "failed"))


def test_a_broken_or_foreign_file_is_passed_over(tmp_path):
    (tmp_path / "half.json").write_text('{"runID": "a", "outc')
    (tmp_path / "other.json").write_text("[1, 2]")
    (tmp_path / "unknown.json").write_text('{"runID": "a", "cause": "exploded", "exitCode": 1, "endedAt": 1}')
    (tmp_path / "list.json").write_text('{"runID": "a", "cause": "stopped", "exitCode": 1, "endedAt": 1, "seconds": 1}')
    (tmp_path / "x.begun").write_text('{"runID": 5, "startedAt": "now"}')
    (tmp_path / ".a.json.17").write_text('{"runID": "a"}')
    assert counted(tmp_path) == Tally()


def test_nothing_is_left_beside_a_record(tmp_path):
    begin(tmp_path / "outcomes", "a", 1.0)
    record(tmp_path / "outcomes", TrialRecord("a", Cause.FINISHED, 0, 1.0))
    assert [path.name for path in (tmp_path / "outcomes").iterdir()] == ["a.json"]


def test_an_earlier_agents_runs_are_not_counted(tmp_path):
    record(tmp_path, TrialRecord("a", Cause.TRAINER_ERROR, 1, 1.0))
    begin(tmp_path, "b", 1.0)
    forget(tmp_path)
    assert counted(tmp_path) == Tally()


def test_a_folder_that_is_not_there_holds_no_runs(tmp_path):
    assert counted(tmp_path / "none") == Tally()


def test_the_time_of_a_run_that_is_handed_out_again_adds_up(tmp_path):
    record(tmp_path, TrialRecord("a", Cause.TRAINER_ERROR, 1, 1.0, spent(Cause.TRAINER_ERROR, 2, 5)))
    record(tmp_path, TrialRecord("a", Cause.FINISHED, 0, 2.0, spent(Cause.FINISHED, 1, 10)))
    assert counted(tmp_path).seconds == {"startup": 3, "failed": 5, "finished": 10}


def test_the_time_of_a_stopped_run_is_lost_like_that_of_a_preempted_one():
    assert spent(Cause.STOPPED, 1, 2) == spent(Cause.PREEMPTED, 1, 2) == {"startup": 1, "preempted": 2}


@pytest.mark.parametrize(("drained", "cause"), [(True, "preempted"), (False, "stopped")])
def test_a_trial_whose_launcher_was_killed_is_counted_with_its_time(tmp_path, drained, cause):
    begin(tmp_path, "a", 40.0)
    found = counted(tmp_path, drained=drained)
    assert found.causes == {cause: 1}
    assert found.seconds == {"startup": 0.0, "preempted": 60.0}


def test_a_killed_trial_was_over_when_the_next_began(tmp_path):
    begin(tmp_path, "a", 10.0)
    begin(tmp_path, "b", 30.0)
    record(tmp_path, TrialRecord("b", Cause.FINISHED, 0, 50.0, spent(Cause.FINISHED, 0, 20)))
    found = counted(tmp_path)
    assert found.seconds == {"startup": 0.0, "preempted": 20.0, "finished": 20.0}
    assert (found.stopped, found.finished) == (1, 1)


def test_a_run_that_is_killed_in_its_second_trial_is_counted_once(tmp_path):
    begin(tmp_path, "a", 10.0)
    record(tmp_path, TrialRecord("a", Cause.TRAINER_ERROR, 1, 20.0, spent(Cause.TRAINER_ERROR, 0, 10)))
    begin(tmp_path, "a", 90.0)
    found = counted(tmp_path)
    assert (found.stopped, found.total) == (1, 1)
    assert found.seconds == {"startup": 0.0, "failed": 10.0, "preempted": 10.0}
