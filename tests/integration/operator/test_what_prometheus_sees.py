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


def test_metrics_count_trials_by_cause_and_the_time_of_gpus_by_what_became_of_it(proxied_operator, place, node_for):
    node_for(place, WANDB_BASE_URL=place.server.url)
    gpus = {"name": "trainer", "image": "lab/trainer:1", "resources": {"limits": {"nvidia.com/gpu": "2"}}}
    seen = proxied_operator.metrics()
    assert seen["wandbsweep_trials{cause=finished}"] == seen["wandbsweep_gpu_seconds{fate=active}"] == 0

    place.apply(sweep=a_grid(0.1, 0.2), template=a_template(containers=[gpus]))

    place.until_condition("Complete", seconds=90)
    until(lambda: not place.pods() and not place.status()["gpuHours"]["active"], "the agent is gone and accounted for")
    seen = proxied_operator.metrics()
    assert seen["wandbsweep_trials{cause=finished}"] == 2
    assert seen["wandbsweep_trials{cause=trainer-error}"] == 0
    assert seen["wandbsweep_gpu_seconds{fate=active}"] == 0
    hours = place.status()["gpuHours"]
    for fate in ("finished", "failed", "preempted", "idle", "startup"):
        assert seen[f"wandbsweep_gpu_seconds{{fate={fate}}}"] == pytest.approx(hours[fate] * 3600, abs=0.1)
    assert hours["total"] > 0
