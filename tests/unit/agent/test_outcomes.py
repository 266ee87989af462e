"""Outcomes are counted from what the trials wrote, whatever else lies in the folder."""

from __future__ import annotations

from wandbsweep.agent.outcomes import Outcome, Tally, TrialRecord, forget, record, tally


def test_each_run_is_counted_once_by_its_last_outcome(tmp_path):
    record(tmp_path, TrialRecord("a", Outcome.FINISHED, 0, 1.0))
    record(tmp_path, TrialRecord("b", Outcome.FAILED, 1, 2.0))
    record(tmp_path, TrialRecord("c", Outcome.STOPPED, 143, 3.0))
    record(tmp_path, TrialRecord("d", Outcome.STOPPED, 143, 4.0))
    record(tmp_path, TrialRecord("d", Outcome.FINISHED, 0, 5.0))
    counted = tally(tmp_path)
    assert (counted.finished, counted.failed, counted.stopped, counted.total) == (2, 1, 1, 4)


def test_the_last_failure_is_kept(tmp_path):
    record(tmp_path, TrialRecord("z", Outcome.FAILED, 1, 1.0))
    later = TrialRecord("a", Outcome.FAILED, 137, 2.0)
    record(tmp_path, later)
    assert tally(tmp_path).last_failure == later


def test_a_broken_or_foreign_file_is_passed_over(tmp_path):
    (tmp_path / "half.json").write_text('{"runID": "a", "outc')
    (tmp_path / "other.json").write_text("[1, 2]")
    (tmp_path / "unknown.json").write_text('{"runID": "a", "outcome": "exploded", "exitCode": 1, "endedAt": 1}')
    (tmp_path / ".a.json.17").write_text('{"runID": "a"}')
    assert tally(tmp_path) == Tally()


def test_nothing_is_left_beside_a_record(tmp_path):
    record(tmp_path / "outcomes", TrialRecord("a", Outcome.FINISHED, 0, 1.0))
    assert [path.name for path in (tmp_path / "outcomes").iterdir()] == ["a.json"]


def test_an_earlier_agents_runs_are_not_counted(tmp_path):
    record(tmp_path, TrialRecord("a", Outcome.FAILED, 1, 1.0))
    forget(tmp_path)
    assert tally(tmp_path) == Tally()


def test_a_folder_that_is_not_there_holds_no_runs(tmp_path):
    assert tally(tmp_path / "none") == Tally()
