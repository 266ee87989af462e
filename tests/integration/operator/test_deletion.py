"""Deleting the object: what becomes of the sweep on W&B, and that it never takes for ever."""

from __future__ import annotations

import pytest

from places import a_grid
from proxies import Call, Fate
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

UPSERT = """
mutation UpsertSweep($config: String!, $entityName: String!, $projectName: String!) {
    upsertSweep(input: {config: $config, entityName: $entityName, projectName: $projectName}) { sweep { name } }
}
"""
FOREIGN = "{method: random, run_cap: 2, parameters: {lr: {values: [0.1]}}, command: [python, train.py]}"
GOING_ON = {"PENDING", "RUNNING"}


def writes_id(call: Call) -> bool:
    return call.method == "PATCH" and call.path.endswith("/status") and call.says("sweepID")


def a_foreign_sweep(place):
    """A sweep that somebody made without the operator."""
    variables = {"config": FOREIGN, "entityName": place.server.entity, "projectName": place.project}
    return place.server.graphql(UPSERT, variables)["upsertSweep"]["sweep"]["name"]


@pytest.mark.parametrize(
    ("policy", "states", "reason"),
    [
        (None, {"FINISHED"}, "SweepStopped"),
        ("Stop", {"FINISHED"}, "SweepStopped"),
        ("Cancel", {"CANCELED"}, "SweepCancelRequested"),
        ("Retain", GOING_ON, "SweepRetained"),
    ],
)
def test_the_deletion_policy_decides_what_becomes_of_the_sweep(policy, states, reason, operated):
    operated.apply(deletionPolicy=policy)
    operated.until_jobs("anymal-0-0")

    operated.delete()

    operated.until_gone()
    (sweep,) = operated.sweeps()
    assert sweep["state"] in states
    until(lambda: reason in operated.event_reasons(), f"an Event says {reason}")
    until(lambda: not operated.jobs() and not operated.pods(), "Jobs and pods went with their owner")


@pytest.mark.parametrize(("policy", "states"), [(None, GOING_ON), ("Cancel", {"CANCELED"})])
def test_a_joined_sweep_is_worked_on_and_left_alone_unless_a_policy_is_set(policy, states, operated):
    sweep_id = a_foreign_sweep(operated)
    operated.apply(sweepID=sweep_id, deletionPolicy=policy)

    operated.until_condition("SweepCreated", reason="Joined")
    operated.until_jobs("anymal-0-0")
    assert operated.status()["sweepID"] == sweep_id
    assert operated.status()["method"] == "random"

    operated.delete()

    operated.until_gone()
    (sweep,) = operated.sweeps()
    assert sweep["state"] in states


def test_without_the_secret_a_deleted_object_goes_at_once(operated):
    operated.apply()
    operated.until_jobs("anymal-0-0")
    operated.kubectl("delete", "secret", "wandb-api-key")

    operated.delete()

    operated.until_gone(seconds=15)
    until(lambda: "CleanupGaveUp" in operated.event_reasons(), "an Event says that the sweep was left as it is")


def test_while_wandb_is_down_a_deleted_object_waits_and_is_stopped_once_it_is_back(
    proxied_operator, place, wandb_between
):
    place.apply()
    place.until_jobs("anymal-0-0")
    wandb_between.go_down()
    place.delete()
    until(lambda: "wandbsweep_wandb_call_errors_total" in proxied_operator.fetch("/metrics"), "W&B was asked in vain")
    assert place.find() is not None

    wandb_between.come_back()

    place.until_gone(seconds=40)
    assert [sweep["state"] for sweep in place.sweeps()] == ["FINISHED"]


def test_an_object_that_is_deleted_between_intent_and_id_leaves_no_sweep_going(
    proxied_operator, place, kubernetes_between
):
    rule = kubernetes_between.rule(writes_id, Fate.NEVER_SENT, then=proxied_operator.kill)
    place.apply(sweep=a_grid())
    until(lambda: rule.used and not proxied_operator.running, "the operator died before it wrote the ID")
    assert [sweep["state"] for sweep in place.sweeps()] != ["FINISHED"]
    place.delete()

    proxied_operator.start()

    place.until_gone()
    assert [sweep["state"] for sweep in place.sweeps()] == ["FINISHED"]


def test_an_object_whose_config_map_is_gone_too_leaves_no_sweep_going(proxied_operator, place, kubernetes_between):
    place.give_config_map("sweeps", **{"sweep.yaml": FOREIGN})
    rule = kubernetes_between.rule(writes_id, Fate.NEVER_SENT, then=proxied_operator.kill)
    place.apply(sweepFrom={"configMapKeyRef": {"name": "sweeps", "key": "sweep.yaml"}})
    until(lambda: rule.used and not proxied_operator.running, "the operator died before it wrote the ID")
    place.kubectl("delete", "configmap", "sweeps")
    place.delete()

    proxied_operator.start()

    place.until_gone()
    assert [sweep["state"] for sweep in place.sweeps()] == ["FINISHED"]


def test_an_object_that_never_became_a_sweep_goes_at_once(operated):
    operated.apply(project=None)
    operated.until_condition("SweepValid", "False")

    operated.delete()

    operated.until_gone(seconds=10)
    assert operated.sweeps() == []
