"""From `kubectl apply` to Complete, with real agents and a real trainer, as a user sees it."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from places import a_grid
from proxies import Fate
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

CHAIN = ["SweepValid", "WandbReachable", "SweepCreated", "AgentsReady", "Ready", "Suspended", "Complete", "Failed"]


@pytest.fixture
def life(proxied_operator, place, node_for, kubernetes_between):
    """A sweep of three runs on two agents that has come to its end, and the status when its first Job was created."""
    node_for(place, WANDB_BASE_URL=place.server.url)
    status_at_first_job = []
    kubernetes_between.rule(creates_job, Fate.CARRIED_OUT, then=lambda: status_at_first_job.append(place.status()))
    place.kubectl("apply", "-f", "-", manifest=place.manifest(sweep=a_grid(0.3, 0.1, 0.2), agentCount=2))
    place.kubectl("wait", "--for=condition=Complete", "wandbsweep/anymal", "--timeout=100s")
    return status_at_first_job[0]


def creates_job(call):
    return call.method == "POST" and call.path.endswith("/jobs") and "dryRun" not in call.query


def test_a_sweep_runs_from_apply_to_complete(life, place, kubernetes_between, proxied_operator):
    until(lambda: place.status()["sweepState"] == "FINISHED", "W&B is seen to hand out no more")
    status = place.status()

    assert status["phase"] == "Succeeded"
    assert status["runs"] == {
        "total": 3,
        "running": 0,
        "finished": 3,
        "failed": 0,
        "crashed": 0,
        "killed": 0,
        "preempted": 0,
        "cap": 3,
        "summary": "3/3",
    }
    the_sweep_is_one_and_finished(place, status)
    the_best_run_is_the_best(place, status)
    conditions_have_the_shape_of_kubernetes(status)
    the_id_was_known_before_the_first_job(life, status)
    jobs_were_created_once_and_are_owned(place, kubernetes_between)
    until(lambda: not place.jobs() and not place.pods(), "no Job and no pod is left")
    events_tell_the_story(place)
    the_key_is_nowhere(place, kubernetes_between, proxied_operator)


def the_sweep_is_one_and_finished(place, status):
    (sweep,) = place.sweeps()
    assert sweep["name"] == status["sweepID"]
    assert sweep["state"] == status["sweepState"] == "FINISHED"
    assert status["sweepPath"] == f"{place.server.entity}/{place.project}/{sweep['name']}"
    uid = place.read()["metadata"]["uid"]
    assert sweep["description"].endswith(f"wandbsweep.dev/uid: {uid}/{status['sweepDigest']}")


def the_best_run_is_the_best(place, status):
    best = status["best"]
    assert (best["metric"], best["value"], best["parameters"]) == ("loss", 0.1, {"lr": 0.1, "seconds": 0})
    run = next(run for run in place.runs(status["sweepID"]) if run["name"] == best["runID"])
    assert json.loads(run["config"])["lr"]["value"] == 0.1


def conditions_have_the_shape_of_kubernetes(status):
    assert [condition["type"] for condition in status["conditions"]] == CHAIN
    for condition in status["conditions"]:
        assert condition["status"] in {"True", "False"}
        assert condition["reason"].isalpha()
        assert condition["observedGeneration"] == 1
        assert datetime.fromisoformat(condition["lastTransitionTime"]).tzinfo
        assert isinstance(condition["message"], str)
    stands = {condition["type"]: (condition["status"], condition["reason"]) for condition in status["conditions"]}
    assert stands["Complete"] == ("True", "GridExhausted")
    assert stands["Failed"] == ("False", "NotFailed")
    assert stands["SweepCreated"] == ("True", "Created")


def the_id_was_known_before_the_first_job(status_then, status_now):
    assert status_then["sweepID"] == status_now["sweepID"]


def jobs_were_created_once_and_are_owned(place, kubernetes_between):
    jobs = [call.json for call in kubernetes_between.writes if creates_job(call)]
    names = [job["metadata"]["name"] for job in jobs]
    assert len(names) == len(set(names))
    assert {"anymal-0-0", "anymal-1-0"} <= set(names)
    owner = {"kind": "WandbSweep", "name": "anymal", "uid": place.read()["metadata"]["uid"], "controller": True}
    for job in jobs:
        (reference,) = job["metadata"]["ownerReferences"]
        assert owner.items() <= reference.items()


def events_tell_the_story(place):
    reasons = place.event_reasons()
    # An agent is asked to leave when the other one has the last run.
    of_agents = {"AgentCreated", "AgentLeaving", "AgentEnded", "AgentRemoved"}
    assert set(reasons) <= {"Created", "GridExhausted"} | of_agents
    assert reasons.count("Created") == reasons.count("GridExhausted") == 1
    assert reasons.count("AgentCreated") >= 2
    assert all(event["type"] == "Normal" for event in place.events())


def the_key_is_nowhere(place, kubernetes_between, operator):
    key = place.server.api_key
    assert key not in operator.log
    assert key not in json.dumps([place.read(), place.events()])
    assert not any(call.says(key) for call in kubernetes_between.writes)
