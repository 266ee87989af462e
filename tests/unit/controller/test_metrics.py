"""What the operator's metrics say, as Prometheus reads them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from builders import NOW
from wandbsweep.agent.causes import Cause
from wandbsweep.api.reasons import ConditionType, Phase, Reason
from wandbsweep.api.status import Agents, Condition, ConditionStatus, GPUHours, Runs, WandbSweepStatus
from wandbsweep.controller.metrics import Metrics
from wandbsweep.controller.object_loops import ObjectKey, ObjectLoops, PassResult
from wandbsweep.controller.tracking_metrics import MeasuredTracker
from wandbsweep.tracking.errors import KeyRejected
from wandbsweep.tracking.protocol import Account
from wandbsweep.tracking.request_budget import RequestBudget

ACCOUNT = Account("http://wandb.test", "key")


def scraped(metrics):
    """Every sample by its name and labels."""
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {
        sample.name + "".join(f"{{{key}={value}}}" for key, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def a_status(**fields):
    return WandbSweepStatus(**fields)


def a_search(reason):
    status = ConditionStatus.TRUE if reason is Reason.SEARCH_RUNNING else ConditionStatus.FALSE
    return Condition(type=ConditionType.SEARCH_READY, status=status, reason=reason, last_transition_time=NOW)


@dataclass
class Refusing:
    """A tracker whose server lets nobody in."""

    asked: list[Account] = field(default_factory=list)

    async def resolve_entity(self, account):
        self.asked.append(account)
        raise KeyRejected("no")


def test_agents_are_counted_by_what_they_wait_for():
    metrics = Metrics()
    metrics.keep("a", a_status(phase=Phase.RUNNING, agents=Agents(desired=8, active=8, queued=6, ready=2)))
    metrics.keep("b", a_status(phase=Phase.RUNNING, agents=Agents(desired=1, active=1, ready=1)))

    seen = scraped(metrics)

    counted = {state: seen[f"wandbsweep_agents{{state={state}}}"] for state in ("desired", "active", "queued", "ready")}
    assert counted == {"desired": 9, "active": 9, "queued": 6, "ready": 3}
    assert seen["wandbsweep_sweeps{phase=Running}"] == 2


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (Reason.SEARCH_RUNNING, "ready"),
        (Reason.SEARCH_STARTING, "starting"),
        (Reason.SEARCH_FAILING, "failing"),
        (Reason.SEARCH_INVALID, "failing"),
        (Reason.SEARCH_ENGINE_MISSING, "failing"),
        (Reason.SCHEDULER_UNSUPPORTED, "failing"),
        (Reason.SEARCH_REJECTED, "failing"),
        (Reason.SUSPENDED, None),
        (Reason.SWEEP_OVER, None),
    ],
)
def test_searches_are_counted_by_whether_they_are_up(reason, state):
    metrics = Metrics()
    metrics.keep("a", a_status(conditions=[a_search(reason)]))
    metrics.keep("b", a_status())

    seen = scraped(metrics)

    counted = {each: seen[f"wandbsweep_searches{{state={each}}}"] for each in ("ready", "starting", "failing")}
    assert {each for each, count in counted.items() if count} == ({state} if state else set())
    assert sum(counted.values()) == bool(state)


def test_trials_and_the_time_of_gpus_are_counted_by_what_became_of_them_until_their_object_goes():
    metrics = Metrics()
    hours = GPUHours(total=3, finished=2, preempted=1)
    metrics.keep("a", a_status(runs=Runs(finished=4), failures={Cause.STALLED.value: 2}, gpu_hours=hours))

    before = scraped(metrics)
    metrics.forget("a")
    after = scraped(metrics)

    assert before["wandbsweep_trials{cause=finished}"] == 4
    assert before["wandbsweep_trials{cause=stalled}"] == 2
    assert before["wandbsweep_gpu_seconds{fate=preempted}"] == 3600
    assert after["wandbsweep_trials{cause=stalled}"] == after["wandbsweep_gpu_seconds{fate=finished}"] == 0


async def test_errors_of_w_and_b_are_counted_by_their_kind():
    metrics = Metrics()
    tracker = MeasuredTracker(Refusing(), metrics)

    with pytest.raises(KeyRejected):
        await tracker.resolve_entity(ACCOUNT)

    seen = scraped(metrics)
    assert seen["wandbsweep_wandb_call_errors_total{call=resolve_entity}{reason=APIKeyInvalid}"] == 1
    assert seen["wandbsweep_wandb_call_seconds_count{call=resolve_entity}"] == 1


async def test_objects_that_wait_for_their_pass_and_requests_that_wait_for_their_place_are_counted():
    metrics, goes_on = Metrics(), asyncio.Event()

    async def reconcile(_):
        await goes_on.wait()
        return PassResult()

    loops, budget = ObjectLoops(reconcile, at_once=2), RequestBudget(1)
    metrics.watch(loops, budget)
    for number in range(5):
        loops.wake(ObjectKey("robots", f"sweep-{number}"))
    await asyncio.sleep(0)
    async with budget.place(ACCOUNT):
        second = asyncio.create_task(_hold(budget))
        await asyncio.sleep(0)
        seen = scraped(metrics)
    goes_on.set()
    await second
    await asyncio.sleep(0)
    later = scraped(metrics)
    await loops.close()

    assert seen["wandbsweep_reconcile_waiting"] == 3
    assert seen["wandbsweep_wandb_requests{state=under_way}"] == seen["wandbsweep_wandb_requests{state=waiting}"] == 1
    assert seen["wandbsweep_wandb_requests_limit"] == 1
    assert seen["wandbsweep_wandb_quota_left_ratio"] == 1
    assert later["wandbsweep_wandb_requests{state=under_way}"] == 0


async def _hold(budget):
    async with budget.place(ACCOUNT):
        pass


def test_no_metric_has_the_name_of_an_object_or_of_a_run():
    metrics = Metrics()
    metrics.keep("uid-of-anymal", a_status(sweep_path="lab/anymal/nkbj7529", agents=Agents(desired=1)))

    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    labels = {label for family in families for sample in family.samples for label in sample.labels}

    assert labels <= {"call", "cause", "fate", "le", "phase", "reason", "state"}
