"""What Prometheus may ask: passes and W&B calls, what waits for them, sweeps, searches, agents, trials, GPUs.

No metric carries the name of an object: their number would grow with use. What is summed over objects are gauges,
because an object takes its share along when it is deleted.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from wandbsweep.agent.causes import Cause
from wandbsweep.api.reasons import ConditionType, Phase, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandbsweep.api.status import WandbSweepStatus
    from wandbsweep.controller.object_loops import ObjectLoops
    from wandbsweep.tracking.request_budget import RequestBudget

FATES = ("active", "finished", "failed", "preempted", "idle", "startup")
AGENT_STATES = ("desired", "active", "queued", "ready")
SEARCH_STATES = {
    Reason.SEARCH_RUNNING: "ready",
    Reason.SEARCH_STARTING: "starting",
    Reason.SEARCH_FAILING: "failing",
    Reason.SEARCH_INVALID: "failing",
    Reason.SEARCH_ENGINE_MISSING: "failing",
    Reason.SEARCH_REJECTED: "failing",
    Reason.SCHEDULER_UNSUPPORTED: "failing",
}
"""By the reason of condition SearchReady. A search of a sweep that is paused or over is in none of them."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The operator's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._statuses: dict[str, WandbSweepStatus] = {}
        self.passes = Histogram(
            "wandbsweep_reconcile_seconds",
            "Duration of a pass over one object.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.failures = Counter(
            "wandbsweep_reconcile_failures", "Passes that failed and are tried again.", registry=self.registry
        )
        self._waiting = Gauge(
            "wandbsweep_reconcile_waiting", "Objects that are due and wait for their pass.", registry=self.registry
        )
        self.wandb_calls = Histogram(
            "wandbsweep_wandb_call_seconds",
            "Duration of a call to a W&B server.",
            ["call"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.wandb_errors = Counter(
            "wandbsweep_wandb_call_errors",
            "Calls to a W&B server that failed.",
            ["call", "reason"],
            registry=self.registry,
        )
        self._requests = Gauge(
            "wandbsweep_wandb_requests",
            "Requests to W&B servers that are under way, or wait for a place among those of their account.",
            ["state"],
            registry=self.registry,
        )
        self._places = Gauge(
            "wandbsweep_wandb_requests_limit",
            "Requests to a W&B server that one account may have under way.",
            registry=self.registry,
        )
        self._quota = Gauge(
            "wandbsweep_wandb_quota_left_ratio",
            "Share of its quota that a W&B server last said an account has left: the smallest of all accounts. "
            "1 where none says.",
            registry=self.registry,
        )
        self._count_objects()

    def _count_objects(self) -> None:
        """The gauges that are read off the statuses of all objects."""
        sweeps = Gauge("wandbsweep_sweeps", "WandbSweeps by phase.", ["phase"], registry=self.registry)
        for phase in Phase:
            sweeps.labels(phase=str(phase)).set_function(partial(self._in_phase, phase))
        searches = Gauge(
            "wandbsweep_searches",
            "Searches beside W&B's server that are to be up, by whether they are.",
            ["state"],
            registry=self.registry,
        )
        for state in dict.fromkeys(SEARCH_STATES.values()):
            searches.labels(state=state).set_function(partial(self._searches, state))
        agents = Gauge(
            "wandbsweep_agents",
            "Agents of all WandbSweeps: wanted, not ended, of these waiting for admission to a queue, and ready.",
            ["state"],
            registry=self.registry,
        )
        for state in AGENT_STATES:
            agents.labels(state=state).set_function(partial(self._agents, state))
        trials = Gauge(
            "wandbsweep_trials", "Ended trials of all WandbSweeps, by cause.", ["cause"], registry=self.registry
        )
        for cause in Cause:
            trials.labels(cause=str(cause)).set_function(partial(self._ended_by, cause))
        gpu_seconds = Gauge(
            "wandbsweep_gpu_seconds",
            "Time for which agents of all WandbSweeps held GPUs, by what became of it.",
            ["fate"],
            registry=self.registry,
        )
        for fate in FATES:
            gpu_seconds.labels(fate=fate).set_function(partial(self._gpu_seconds, fate))

    def watch(self, loops: ObjectLoops, budget: RequestBudget) -> None:
        """Tell of passes and requests as they are whenever somebody asks."""
        self._waiting.set_function(lambda: loops.waiting)
        self._requests.labels(state="under_way").set_function(lambda: budget.under_way)
        self._requests.labels(state="waiting").set_function(lambda: budget.waiting)
        self._places.set(budget.per_account)
        self._quota.set_function(budget.quota_left)

    @contextmanager
    def reconciling(self) -> Iterator[None]:
        """Measure one pass."""
        started = time.perf_counter()
        try:
            yield
        except Exception:
            self.failures.inc()
            raise
        finally:
            self.passes.observe(time.perf_counter() - started)

    def keep(self, uid: str, status: WandbSweepStatus) -> None:
        """Count this object by its newest status."""
        self._statuses[uid] = status

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._statuses.pop(uid, None)

    def _in_phase(self, phase: Phase) -> int:
        return sum(status.phase is phase for status in self._statuses.values())

    def _agents(self, state: str) -> int:
        return sum(getattr(status.agents, state) or 0 for status in self._statuses.values() if status.agents)

    def _searches(self, state: str) -> int:
        found = (status.condition(ConditionType.SEARCH_READY) for status in self._statuses.values())
        return sum(SEARCH_STATES.get(condition.reason) == state for condition in found if condition)

    def _ended_by(self, cause: Cause) -> int:
        if cause is Cause.FINISHED:
            return sum(status.runs.finished for status in self._statuses.values() if status.runs)
        return sum(status.failures.get(cause.value, 0) for status in self._statuses.values())

    def _gpu_seconds(self, fate: str) -> float:
        hours = (getattr(status.gpu_hours, fate) for status in self._statuses.values() if status.gpu_hours)
        return float(sum(hours) * 3600)
