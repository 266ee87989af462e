"""Every end that a user can set: it is reached, told by its own reason, and takes the agents down."""

from __future__ import annotations

import sys

import pytest

from places import a_grid, a_template
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

GPU = {"name": "trainer", "image": "lab/trainer:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}


def until_released(place):
    """Within 15 s, as for every end; more where several tests share the machine."""
    until(lambda: not place.jobs() and not place.pods(), "no Job and no pod is left", seconds=40)


def test_a_value_that_is_good_enough_completes_the_sweep(operated, node_for):
    node_for(operated)
    operated.apply(sweep=a_grid(0.1, *range(1, 40)), limits={"target": 0.5})

    condition = operated.until_condition("Complete", reason="TargetReached", seconds=90)

    assert "reached loss 0.1, and limits.target is 0.5" in condition["message"]
    until_released(operated)
    until(lambda: operated.sweep_state() == "FINISHED", "W&B hands out no more")
    assert operated.status()["runs"]["total"] < 40


def test_failures_of_the_users_code_fail_the_sweep_and_each_is_told(operated, node_for):
    node_for(operated)
    broken = {**a_grid(*range(1, 40)), "command": [sys.executable, "-c", "raise SystemExit(3)"]}
    operated.apply(sweep=broken, limits={"maxFailedRuns": 2})

    condition = operated.until_condition("Failed", reason="MaxFailedRuns", seconds=120)

    assert "limits.maxFailedRuns is 2" in condition["message"]
    status = operated.status()
    assert status["phase"] == "Failed"
    assert sum(status["failures"].values()) >= 2
    assert "preempted" not in status["failures"]
    told = [event["message"] for event in operated.events() if event["reason"] == "RunFailed"]
    assert len(told) >= 2
    assert all(f"on node node-of-{operated.namespace}" in message for message in told)
    until_released(operated)
    until(lambda: operated.sweep_state() == "FINISHED", "W&B hands out no more")


def test_gpu_hours_are_used_up(operated, node_for):
    node_for(operated)
    operated.apply(sweep=a_grid(*range(1, 60)), template=a_template(containers=[GPU]))
    until(lambda: operated.status().get("runs", {}).get("finished"), "a run has finished", seconds=90)

    operated.edit(limits={"maxGPUHours": 0.0001})

    operated.until_condition("Complete", reason="GPUHoursUsed")
    until_released(operated)
    hours = until(lambda: settled_hours(operated), "the hours of all agents are in the account")
    parts = ("finished", "failed", "preempted", "idle", "startup")
    assert hours["total"] == pytest.approx(sum(hours[part] for part in parts))


def settled_hours(operated):
    """The account, once it has what the limit says and nothing is on the way."""
    hours = operated.status()["gpuHours"]
    return hours if hours["total"] > 0.0001 and not hours["active"] else None


def test_the_deadline_ends_a_sweep_although_wandb_cannot_be_asked(proxied_operator, place, wandb_between):
    place.apply(agentCount=2)
    place.until_jobs("anymal-0-0", "anymal-1-0")
    wandb_between.go_down()

    place.edit(limits={"activeDeadlineSeconds": 1})

    place.until_condition("Failed", reason="DeadlineExceeded")
    place.until_jobs()

    wandb_between.come_back()

    until(lambda: place.sweep_state() == "FINISHED", "W&B was told when it was back", seconds=60)


def test_a_joined_sweep_without_a_cap_is_stopped_at_the_caps_of_its_object(operated, node_for, tmp_path):
    gate = tmp_path / "gate"
    node_for(operated, TRAINER_GATE=str(gate))
    config = f"{{method: random, parameters: {{lr: {{min: 0.1, max: 0.9}}}}, command: {a_grid()['command']!r}}}"
    sweep = operated.server.create_sweep(operated.project, config).rpartition("/")[2]
    operated.apply(sweepID=sweep, agentCount=2, maxRuns=2)

    until(lambda: operated.sweep_state() == "FINISHED", "the sweep is stopped", seconds=90)
    until(lambda: "OverrunStopped" in operated.event_reasons(), "an Event says so")
    gate.touch()

    operated.until_condition("Complete", reason="RunCapReached")
    assert operated.status()["runs"]["summary"] == "2/2"
    until_released(operated)


def test_an_object_goes_when_its_time_is_over_and_its_sweep_stays(operated):
    operated.apply(limits={"activeDeadlineSeconds": 1}, ttlSecondsAfterFinished=1)

    operated.until_gone()

    assert operated.sweep_state() == "FINISHED"
    until(lambda: "ObjectExpired" in operated.event_reasons(), "an Event says why")
    until(lambda: not operated.jobs() and not operated.pods(), "nothing of it is left")


def test_a_sweep_that_is_deleted_on_wandb_is_failed(operated):
    operated.apply(agentCount=2)
    operated.until_jobs("anymal-0-0", "anymal-1-0")

    operated.delete_sweep()

    operated.until_condition("Failed", reason="SweepDeleted", seconds=60)
    until_released(operated)
    assert operated.sweeps() == []
