"""W&B or the API server fails in the middle of a sweep: nothing is lost, and nothing is doubled afterwards."""

from __future__ import annotations

import uuid

import pytest

from nodes import running_node
from operators import running_operator
from places import a_grid, a_place
from proxies import Call, Fate
from servers import running_server
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def creates_sweep(call: Call) -> bool:
    return call.path == "/graphql" and call.says("mutation", "method: grid")


def creates_job(call: Call) -> bool:
    return call.method == "POST" and call.path.endswith("/jobs") and "dryRun" not in call.query


def test_a_wandb_server_that_is_killed_and_comes_back_loses_no_run(kube, runtime, tmp_path):
    with (
        running_server(tmp_path / "server") as server,
        a_place(kube, f"own-{uuid.uuid4().hex[:10]}", server) as place,
        running_node(kube, place.namespace, runtime, tmp_path / "node"),
        running_operator(tmp_path / "operator", kube.kubeconfig, server.url, place.namespace) as operator,
    ):
        place.give_key()
        place.apply(sweep=a_grid(0.1, 0.2, 0.3, seconds=4), agentCount=2)
        until(lambda: place.status().get("runs", {}).get("running"), "runs are running", seconds=90)

        server.kill()

        place.until_condition("WandbReachable", "False", reason="ServerUnreachable")
        jobs = place.job_names()

        server.start()

        place.until_condition("WandbReachable")
        assert place.job_names() == jobs
        place.until_condition("Complete", seconds=90)
        assert place.status()["runs"]["summary"] == "3/3"
        assert place.status()["runs"]["finished"] == 3
        assert len(place.sweeps()) == 1
        assert {"ServerUnreachable", "Reachable"} <= set(place.event_reasons())
        assert "Traceback" not in operator.log


def test_when_the_answer_to_the_creation_is_lost_the_sweep_is_found_and_adopted(proxied_operator, place, wandb_between):
    rule = wandb_between.rule(creates_sweep, Fate.ANSWER_LOST)

    place.apply()

    place.until_condition("SweepCreated", reason="Adopted")
    place.until_jobs("anymal-0-0")
    told = [event["message"] for event in place.events() if event["reason"] == "ServerUnreachable"]
    assert len(told) == 1
    assert "it will be looked up before another attempt" in told[0]
    assert rule.used == 1
    assert len([call for call in wandb_between.writes if creates_sweep(call)]) == 1
    assert [sweep["name"] for sweep in place.sweeps()] == [place.status()["sweepID"]]


def test_a_creation_that_wandb_never_answers_is_made_good(proxied_operator, place, wandb_between):
    wandb_between.rule(creates_sweep, Fate.SERVER_FAULT)

    place.apply()

    place.until_condition("WandbReachable", "False", reason="ServerError")
    place.until_condition("SweepCreated", reason="Created", seconds=60)
    assert len(place.sweeps()) == 1


def test_a_wandb_server_that_asks_for_patience_is_told_apart(proxied_operator, place, wandb_between):
    wandb_between.rule(lambda _call: True, Fate.TOO_MANY, times=None)
    place.apply()

    place.until_condition("WandbReachable", "False", reason="RateLimited")

    wandb_between.lift()
    place.until_condition("SweepCreated", reason="Created", seconds=40)


def test_a_live_sweep_waits_out_a_wandb_server_that_asks_for_patience(proxied_operator, place, wandb_between):
    place.apply(sweep=a_grid(*range(1, 9)), agentCount=2)
    place.until_jobs("anymal-0-0", "anymal-1-0")
    uids = [job["metadata"]["uid"] for job in place.jobs()]

    wandb_between.rule(lambda _call: True, Fate.TOO_MANY, times=None)

    place.until_condition("WandbReachable", "False", reason="RateLimited")
    assert [job["metadata"]["uid"] for job in place.jobs()] == uids

    wandb_between.lift()

    place.until_condition("WandbReachable", seconds=40)
    assert [job["metadata"]["uid"] for job in place.jobs()] == uids
    assert len(place.sweeps()) == 1


def test_a_key_that_expires_is_replaced_in_the_secret_and_nothing_else_is_touched(operated):
    operated.apply(sweep=a_grid(*range(1, 9)), agentCount=2)
    operated.until_jobs("anymal-0-0", "anymal-1-0")
    uids = [job["metadata"]["uid"] for job in operated.jobs()]

    operated.give_key("e" * 40)

    operated.until_condition("WandbReachable", "False", reason="APIKeyInvalid")
    assert [job["metadata"]["uid"] for job in operated.jobs()] == uids

    operated.give_key()

    operated.until_condition("WandbReachable", seconds=40)
    assert [job["metadata"]["uid"] for job in operated.jobs()] == uids
    assert len(operated.sweeps()) == 1


def test_an_api_server_that_is_away_for_a_while_finds_everything_as_it_was(proxied_operator, place, kubernetes_between):
    place.apply(sweep=a_grid(*range(1, 9)), agentCount=2)
    place.until_jobs("anymal-0-0", "anymal-1-0")
    uids = [job["metadata"]["uid"] for job in place.jobs()]

    kubernetes_between.go_down()

    until(lambda: "failed and is tried again" in proxied_operator.log, "a pass failed for it", seconds=40)
    place.scale(3)

    kubernetes_between.come_back()

    place.until_jobs("anymal-0-0", "anymal-1-0", "anymal-2-0", seconds=90)
    assert [job["metadata"]["uid"] for job in place.jobs()][:2] == uids
    assert len(place.sweeps()) == 1
    assert proxied_operator.running


@pytest.mark.parametrize("fate", [Fate.SERVER_FAULT, Fate.TOO_MANY, Fate.ANSWER_LOST])
def test_a_job_whose_creation_goes_wrong_is_there_once_in_the_end(fate, proxied_operator, place, kubernetes_between):
    rule = kubernetes_between.rule(creates_job, fate, times=2)

    place.apply(sweep=a_grid(*range(1, 9)), agentCount=2)

    place.until_jobs("anymal-0-0", "anymal-1-0", seconds=50)
    assert rule.used == 2
    until(lambda: place.status().get("agents", {}).get("active") == 2, "two agents are active")


def test_two_operators_at_once_end_up_with_one_sweep_and_one_job_per_slot(proxied_operator, place, kube, tmp_path):
    with running_operator(tmp_path / "other", kube.kubeconfig, place.server.url, place.namespace):
        place.apply(sweep=a_grid(*range(1, 9)), agentCount=3)
        place.until_condition("AgentsReady", "False", reason="Starting")
        place.until_jobs("anymal-0-0", "anymal-1-0", "anymal-2-0")
        assert len(place.sweeps()) == 1
