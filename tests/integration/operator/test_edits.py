"""Edits of a live object: numbers apply at once, another definition makes another sweep, a mistake changes nothing."""

from __future__ import annotations

import pytest

from places import a_grid, a_template
from proxies import Call, Fate
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

RANDOM = {
    "method": "random",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"min": 0.1, "max": 0.9}},
    "program": "train.py",
}


def a_live_sweep(place, **spec):
    """Its ID, once its first agent was started."""
    place.apply(**spec)
    until(place.job_names, "an agent was started")
    return place.status()["sweepID"]


def until_replaced(place, first):
    """The ID of the sweep that took the place of the first."""
    return until(lambda: place.status().get("sweepID") not in {None, first} and place.status()["sweepID"], "it is new")


def test_a_raised_budget_is_raised_on_wandb_too(operated):
    sweep = a_live_sweep(operated, sweep=RANDOM, maxRuns=20)

    operated.edit(maxRuns=30)

    until(lambda: operated.status()["runs"]["cap"] == 30, "the object counts up to 30")
    until(lambda: "run_cap: 30" in operated.sweeps()[0]["config"], "W&B hands out up to 30")
    assert operated.status()["sweepID"] == sweep
    assert len(operated.sweeps()) == 1
    until(lambda: "SweepUpdated" in operated.event_reasons(), "an Event tells of it")
    assert operated.job_names() == ["anymal-0-0"]


def test_another_name_and_description_are_given_to_the_sweep_that_exists(operated):
    sweep = a_live_sweep(operated, sweep=RANDOM)

    operated.edit(sweep={"name": "terrain", "description": "on rough ground"})

    until(lambda: "name: terrain" in operated.sweeps()[0]["config"], "W&B shows the name")
    (on_wandb,) = operated.sweeps()
    assert on_wandb["name"] == sweep
    assert on_wandb["description"].startswith("on rough ground")
    assert f"wandbsweep.dev/uid: {operated.read()['metadata']['uid']}/" in on_wandb["description"]
    assert "history" not in operated.status() or operated.status()["history"] == []


def test_another_definition_makes_a_new_sweep_and_stops_the_old_one(operated):
    first = a_live_sweep(operated, sweep=a_grid(0.1, 0.2), agentCount=2)

    operated.edit(sweep=a_grid(0.3, 0.4))

    second = until_replaced(operated, first)
    until(lambda: len(operated.job_names()) == 2, "its agents are started")
    assert {sweep["name"] for sweep in operated.sweeps()} == {first, second}
    assert operated.sweep_state(first) == "FINISHED"
    (past,) = operated.status()["history"]
    assert past["sweepID"] == first
    assert "SweepReplaced" in operated.event_reasons()
    paths = {job["metadata"]["annotations"]["wandbsweep.dev/sweep-path"] for job in operated.jobs()}
    assert paths == {operated.status()["sweepPath"]}


def test_after_run_lets_the_run_of_the_old_sweep_end(operated, node_for, tmp_path):
    gate = tmp_path / "gate"
    node_for(operated, TRAINER_GATE=str(gate))
    operated.apply(sweep=a_grid(0.1, 0.2), drainPolicy="AfterRun")
    until(lambda: operated.status().get("runs", {}).get("running"), "a run trains", seconds=90)
    first = operated.status()["sweepID"]

    operated.edit(sweep=a_grid(0.3))

    until_replaced(operated, first)
    gate.touch()
    operated.until_condition("Complete", seconds=120)
    assert [run["state"] for run in operated.runs(first)] == ["finished"]
    assert [run["state"] for run in operated.runs(operated.status()["sweepID"])] == ["finished"]


def test_a_mistake_in_an_edit_is_told_and_the_sweep_goes_on(operated):
    sweep = a_live_sweep(operated, sweep=RANDOM)
    job = operated.jobs()[0]["metadata"]["uid"]

    operated.edit(sweep={"method": "guess"})

    condition = operated.until_condition("SweepValid", "False", reason="SweepInvalid")
    assert "'guess' is no search method" in condition["message"]
    assert operated.sweep_state(sweep) in {"PENDING", "RUNNING"}
    assert [each["metadata"]["uid"] for each in operated.jobs()] == [job]

    operated.edit(sweep={"method": "random"})

    operated.until_condition("SweepValid")
    assert operated.status()["sweepID"] == sweep
    assert len(operated.sweeps()) == 1


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"project": "elsewhere"}, "spec.project cannot be changed"),
        ({"entity": "lab"}, {"entity": "home"}, "spec.entity cannot be changed"),
        ({}, {"managedBy": "example.com/other"}, "spec.managedBy cannot be changed"),
        ({}, {"wandb": {"baseURL": "https://wandb.lab"}}, "spec.wandb.baseURL cannot be changed"),
        ({"sweepID": "nkbj7529"}, {"sweepID": "other000"}, "spec.sweepID cannot be changed"),
    ],
)
def test_what_cannot_change_is_refused_with_the_reason(before, after, told, place):
    place.apply(**before)

    refusal = place.kubectl(
        "patch", "wandbsweep/anymal", "--type=merge", "--patch-file=/dev/stdin", manifest={"spec": after}, check=False
    )

    assert told in refusal


def test_the_answer_to_the_creation_of_the_new_sweep_is_lost_and_it_is_still_one(
    proxied_operator, place, wandb_between
):
    first = a_live_sweep(place, sweep=a_grid(0.1, 0.2))

    def creates_the_new_one(call: Call) -> bool:
        return call.path == "/graphql" and call.says("mutation", "method: grid", "0.75")

    rule = wandb_between.rule(creates_the_new_one, Fate.ANSWER_LOST)
    place.edit(sweep=a_grid(0.75))

    second = until_replaced(place, first)
    place.until_condition("SweepCreated", reason="Adopted")
    assert rule.used == 1
    assert {sweep["name"]: sweep["state"] for sweep in place.sweeps() if sweep["name"] == first} == {first: "FINISHED"}
    assert len(place.sweeps()) == 2
    until(lambda: len(place.job_names()) == 1, "its agent is started")
    assert place.jobs()[0]["metadata"]["annotations"]["wandbsweep.dev/sweep-path"].endswith(second)


def test_a_changed_template_rolls_the_agents_one_after_the_other(operated, node_for, tmp_path):
    gate = tmp_path / "gate"
    node_for(operated, TRAINER_GATE=str(gate))
    operated.apply(sweep=a_grid(*range(1, 60)), agentCount=2)
    until(lambda: operated.status().get("runs", {}).get("running") == 2, "both agents train", seconds=90)
    before = {job["metadata"]["uid"] for job in operated.jobs()}

    operated.edit(template=a_template(terminationGracePeriodSeconds=11))

    until(lambda: "AgentLeaving" in operated.event_reasons(), "one is asked to leave")
    operated.until_condition("SweepValid")
    assert operated.event_reasons().count("AgentLeaving") == 1
    assert {job["metadata"]["uid"] for job in operated.jobs()} == before

    gate.touch()

    def all_new():
        pods = [pod for pod in operated.pods() if pod["status"]["phase"] == "Running"]
        assert sum(is_leaving(pod) for pod in pods) <= 1
        return len(pods) == 2 and {pod["spec"]["terminationGracePeriodSeconds"] for pod in pods} == {11}

    until(all_new, "both agents are of the new template", seconds=120)
    assert operated.condition("Complete")["status"] == "False"


def is_leaving(pod):
    return "wandbsweep.dev/leave" in pod["metadata"].get("annotations", {})
