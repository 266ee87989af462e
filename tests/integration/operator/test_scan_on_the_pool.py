"""A scan runs each of its trials once; one that failed is told, and run again when that is asked for."""

from __future__ import annotations

import pytest

from places import a_template
from searched_sweeps import a_scan, a_search, runs, search_pod, searches
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
NAMES = [f"lr_{rate}" for rate in RATES]
BAD = 0.3


def names(place, *states):
    return sorted(run["displayName"] for run in runs(place, *states))


def test_a_failed_trial_is_run_again_when_retry_failed_is_raised_after_the_end(operated, node_for, tmp_path):
    mended = tmp_path / "mended"
    node_for(operated, TRAINER_BAD_LR=str(BAD), TRAINER_MENDED=str(mended))
    operated.apply(sweep=a_scan(*RATES), agentCount=3, search=a_search())

    operated.until_condition("Complete", seconds=240)

    assert names(operated) == NAMES
    assert names(operated, "failed") == [f"lr_{BAD}"]
    status = operated.status()
    assert (status["method"], status["runs"]["finished"], status["runs"]["failed"]) == ("scan", 5, 1)
    assert all(run["config"]["lr"] == run["config"]["scan"]["values"]["lr"] for run in runs(operated, "finished"))
    until(lambda: not operated.jobs(), "no Job is left")

    mended.touch()
    operated.edit(search={"retryFailed": 1})

    operated.until_condition("Complete", "False", seconds=60)
    operated.until_condition("Complete", seconds=240)
    assert names(operated, "finished") == NAMES
    assert names(operated, "failed") == [f"lr_{BAD}"]
    assert operated.sweep_state() == "FINISHED"


def test_a_scan_is_suspended_resumed_scaled_and_deleted(operated, node_for, tmp_path):
    node_for(operated, TRAINER_GATE=str(tmp_path / "never"))
    template = a_template(terminationGracePeriodSeconds=5)
    operated.apply(sweep=a_scan(*RATES), agentCount=2, search=a_search(), template=template)
    until_training(operated, 2)

    operated.edit(suspend=True)

    operated.until_condition("SearchReady", "False", reason="Suspended")
    until(lambda: not operated.jobs() and not operated.pods(), "neither an agent nor a search is left")

    operated.edit(suspend=False)
    until_training(operated, 2)
    pod = search_pod(operated)
    jobs = searches(operated)

    operated.scale(4)

    until_training(operated, 4)
    assert (search_pod(operated), searches(operated)) == (pod, jobs)  # it was told, and goes on
    assert len(names(operated)) == len(set(names(operated)))  # those that were preempted are the same runs

    operated.delete()

    operated.until_gone()
    until(lambda: not operated.jobs() and not operated.pods(), "nothing is left")
    assert operated.sweep_state() == "FINISHED"


def until_training(place, number):
    until(lambda: place.status().get("runs", {}).get("running") == number, f"{number} runs train", seconds=180)
