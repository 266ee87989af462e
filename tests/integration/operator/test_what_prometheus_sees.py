"""/healthz and /metrics of a running operator."""

from __future__ import annotations

import pytest

from places import a_grid, a_template
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_metrics_count_passes_calls_sweeps_and_agents(proxied_operator, place):
    assert proxied_operator.fetch("/healthz") == "ok\n"
    place.apply("one", sweep=a_grid(*range(1, 9)), agentCount=2)
    place.apply("two", project=None)
    until(lambda: len(place.job_names("one")) == 2, "both Jobs are there")
    place.until_condition("SweepValid", "False", name="two")

    def counted():
        seen = proxied_operator.metrics()
        return seen if seen.get("wandbsweep_agents{state=active}") == 2 else None

    seen = until(counted, "both agents are counted")
    assert seen["wandbsweep_sweeps{phase=Running}"] == 1
    assert seen["wandbsweep_sweeps{phase=Pending}"] == 1
    assert seen["wandbsweep_sweeps{phase=Succeeded}"] == 0
    assert seen["wandbsweep_agents{state=desired}"] == 3  # a sweep that is not valid yet wants its agent all the same
    assert seen["wandbsweep_agents{state=ready}"] == 0
    assert seen["wandbsweep_reconcile_seconds_count"] >= 2  # one pass per object at the least
    assert seen["wandbsweep_reconcile_failures_total"] == 0
    assert seen["wandbsweep_wandb_call_seconds_count{call=create}"] == 1
    assert seen["wandbsweep_reconcile_waiting"] == 0
    assert seen["wandbsweep_agents{state=queued}"] == 0
    assert seen["wandbsweep_searches{state=failing}"] == 0
    assert seen["wandbsweep_wandb_requests{state=waiting}"] == 0
    assert seen["wandbsweep_wandb_requests_limit"] == 8
    assert seen["wandbsweep_wandb_quota_left_ratio"] == 1  # the embedded server counts no quota
    assert not any(place.namespace in name for name in seen)
    until(
        lambda: proxied_operator.metrics().get("wandbsweep_wandb_call_seconds_count{call=read}", 0) >= 1,
        "the sweep was read",
    )

    place.delete("one")
    place.until_gone("one")

    until(
        lambda: proxied_operator.metrics()["wandbsweep_sweeps{phase=Running}"] == 0,
        "a deleted sweep is counted no more",
    )


def test_errors_of_wandb_are_counted_by_their_kind_and_the_log_says_of_which_object(
    proxied_operator, wandb_between, place
):
    wandb_between.go_down()
    place.apply("one")

    def counted():
        seen = proxied_operator.metrics()
        return {name: count for name, count in seen.items() if name.startswith("wandbsweep_wandb_call_errors_total")}

    errors = until(counted, "the operator has tried")
    assert all("reason=ServerUnreachable" in name for name in errors)
    until(lambda: f"object={place.namespace}/one reason=ServerUnreachable" in proxied_operator.log, "the log tells")


def test_metrics_count_trials_by_cause_and_the_time_of_gpus_by_what_became_of_it(proxied_operator, place, node_for):
    node_for(place, WANDB_BASE_URL=place.server.url)
    gpus = {"name": "trainer", "image": "lab/trainer:1", "resources": {"limits": {"nvidia.com/gpu": "2"}}}
    seen = proxied_operator.metrics()
    assert seen["wandbsweep_trials{cause=finished}"] == seen["wandbsweep_gpu_seconds{fate=active}"] == 0

    place.apply(sweep=a_grid(0.1, 0.2), template=a_template(containers=[gpus]))

    place.until_condition("Complete", seconds=90)
    until(lambda: not place.jobs(), "the agent was accounted for, and then removed")
    seen = proxied_operator.metrics()
    assert seen["wandbsweep_trials{cause=finished}"] == 2
    assert seen["wandbsweep_trials{cause=trainer-error}"] == 0
    assert seen["wandbsweep_gpu_seconds{fate=active}"] == 0
    hours = place.status()["gpuHours"]
    for fate in ("finished", "failed", "preempted", "idle", "startup"):
        assert seen[f"wandbsweep_gpu_seconds{{fate={fate}}}"] == pytest.approx(hours[fate] * 3600, abs=0.1)
    assert hours["total"] > 0
