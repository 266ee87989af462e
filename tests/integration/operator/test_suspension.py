"""Pauses, by spec.suspend and on W&B's page: agents leave and come back, and no run is lost or done twice."""

from __future__ import annotations

import json

import pytest

from places import a_grid, a_template
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

GPU = {"name": "trainer", "image": "lab/trainer:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}


def rates_of(place, state="finished"):
    """The learning rates of the runs in this state, in order."""
    runs = place.runs(place.status()["sweepID"])
    return sorted(json.loads(run["config"])["lr"]["value"] for run in runs if run["state"] == state)


def until_busy(place, agents):
    until(lambda: place.status().get("runs", {}).get("running") == agents, f"{agents} agents train", seconds=90)
    return {run["name"] for run in place.runs(place.status()["sweepID"]) if run["state"] == "running"}


def test_a_suspended_sweep_holds_no_gpu_and_goes_on_where_it_was(operated, node_for, tmp_path):
    gate = tmp_path / "gate"
    node_for(operated, TRAINER_GATE=str(gate))
    operated.apply(sweep=a_grid(0.1, 0.2, 0.3), agentCount=2, template=a_template(containers=[GPU]))
    interrupted = until_busy(operated, 2)

    operated.edit(suspend=True)

    operated.until_condition("Suspended", reason="Suspended")
    until(lambda: not operated.pods(), "no pod is left")
    status = until(lambda: operated.status() if operated.status()["runs"]["preempted"] == 2 else None, "both are seen")
    assert (status["phase"], status["sweepState"]) == ("Suspended", "PAUSED")
    hours = status["gpuHours"]
    assert hours["active"] == 0
    assert hours["total"] > 0
    assert hours["total"] == pytest.approx(sum(hours[part] for part in ("preempted", "startup", "idle")))

    gate.touch()
    operated.edit(suspend=False)

    operated.until_condition("Complete", seconds=120)
    runs = operated.runs(operated.status()["sweepID"])
    assert interrupted <= {run["name"] for run in runs}
    assert rates_of(operated) == [0.1, 0.2, 0.3]
    assert len(runs) == 3
    assert operated.status()["failures"] == {"preempted": 2}
    reasons = operated.event_reasons()
    assert (reasons.count("Suspended"), reasons.count("NotSuspended"), reasons.count("RunFailed")) == (1, 1, 0)


def test_after_run_lets_agents_end_their_run_before_they_leave(operated, node_for, tmp_path):
    gate = tmp_path / "gate"
    node_for(operated, TRAINER_GATE=str(gate))
    operated.apply(sweep=a_grid(0.1, 0.2, 0.3), agentCount=1, drainPolicy="AfterRun")
    until_busy(operated, 1)

    operated.edit(suspend=True)

    until(lambda: "AgentLeaving" in operated.event_reasons(), "the agent was asked to leave")
    until(lambda: operated.sweep_state() == "PAUSED", "the sweep is paused")
    assert [pod["status"]["phase"] for pod in operated.pods()] == ["Running"]

    gate.touch()

    until(lambda: not [pod for pod in operated.pods() if pod["status"]["phase"] == "Running"], "it left")
    until(lambda: operated.status()["runs"]["finished"] == 1, "its run has finished")
    assert operated.status()["runs"]["total"] == 1
    assert operated.status()["phase"] == "Suspended"

    operated.edit(suspend=False)

    operated.until_condition("Complete", seconds=120)
    assert rates_of(operated) == [0.1, 0.2, 0.3]


def test_a_pause_on_the_page_of_wandb_is_followed_and_so_is_its_end(operated):
    operated.apply(agentCount=2)
    operated.until_jobs("anymal-0-0", "anymal-1-0")

    operated.set_sweep_state("PAUSED")

    operated.until_condition("Suspended", reason="PausedOnWandb")
    operated.until_jobs()
    assert operated.status()["phase"] == "Suspended"

    operated.set_sweep_state("RUNNING")

    until(lambda: len(operated.job_names()) == 2, "two agents are back")
    operated.until_condition("Suspended", "False", reason="NotSuspended")
    assert operated.sweep_state() == "RUNNING"


def test_an_object_that_says_suspend_is_paused_whatever_is_clicked_on_wandb(operated):
    operated.apply()
    operated.until_jobs("anymal-0-0")
    operated.edit(suspend=True)
    until(lambda: operated.sweep_state() == "PAUSED", "the sweep is paused")

    operated.set_sweep_state("RUNNING")

    until(lambda: operated.sweep_state() == "PAUSED", "it is paused again")
    operated.until_jobs()


def test_what_a_person_paused_is_not_resumed_by_the_object(operated):
    operated.apply()
    operated.until_jobs("anymal-0-0")
    operated.set_sweep_state("PAUSED")
    operated.until_condition("Suspended", reason="PausedOnWandb")

    operated.edit(suspend=True)
    until(lambda: operated.status()["observedGeneration"] == 2, "the edit was seen")
    operated.edit(suspend=False)
    until(lambda: operated.status()["observedGeneration"] == 3, "the second edit was seen")

    assert operated.condition("Suspended")["reason"] == "PausedOnWandb"
    assert operated.sweep_state() == "PAUSED"
    assert operated.job_names() == []


def test_an_object_that_is_suspended_from_the_start_gets_its_sweep_and_no_agent(operated):
    operated.apply(suspend=True)

    until(lambda: operated.sweeps() and operated.sweep_state() == "PAUSED", "its sweep exists and is paused")
    assert operated.jobs() == []

    operated.edit(suspend=False)

    operated.until_jobs("anymal-0-0")


def test_a_sweep_that_is_stopped_on_wandb_is_over(operated):
    operated.apply(agentCount=2)
    operated.until_jobs("anymal-0-0", "anymal-1-0")

    operated.set_sweep_state("FINISHED")

    operated.until_condition("Complete", reason="SweepFinished")
    until(lambda: not operated.jobs() and not operated.pods(), "its agents are gone")
