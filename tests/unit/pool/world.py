"""A day in the life of one object, with the planner as it is and everything around it simulated.

Each step is ten seconds. The operator makes passes as the real one does: when something changed and when a plan asked
for a look. Whoever breaks a promise of the pool is found in the act.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from builders import NOW, UID, a_spec, a_sweep
from unit.pool import promises
from unit.pool.simulated_cluster import STEP, SimulatedCluster, SimulatedJob, SimulatedNode
from unit.pool.simulated_controller import AWAY, carry_out
from unit.pool.simulated_search import SimulatedSearches
from wandbsweep.api.reasons import ConditionType
from wandbsweep.api.status import ConditionStatus, WandbSweepStatus
from wandbsweep.pool import polling
from wandbsweep.pool.creation import wanted_digest
from wandbsweep.pool.facts import JobPhase, Snapshot, SweepReading, SweepState
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.retries import ended_since
from wandbsweep.pool.slots import wants_busy
from wandbsweep.pool.status import next_status
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.searching import engine_of
from wandbsweep.sweep.wandb_config import digest_of_token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from unit.pool.simulated_wandb import SimulatedSweep
    from wandbsweep.pool.actions import Plan
    from wandbsweep.pool.facts import Intent, Problem
    from wandbsweep.sweep.definition import SweepDefinition

PASSES_TO_REST = 12  # in one moment; a planner that needs more goes in circles


class OperatorDiedError(Exception):
    """In the middle of a pass: what it had done stays, what it had in memory is lost."""


@dataclass
class Memory:
    """What the operator knows only as long as it lives."""

    reading: SweepReading | None = None
    outdated: bool = False
    look_at: datetime = NOW
    seen_changes: int = -1


class World:
    """One object, its sweeps on W&B, a cluster and an operator."""

    def __init__(
        self, seed: int, *, runs: int, run_seconds: float, nodes: Iterable[tuple[str, int]], **spec: Any
    ) -> None:
        self.random = Random(seed)
        self.now = NOW
        self.fields: dict[str, Any] = {"maxRuns": runs, **spec}
        self.spec = a_spec(**self.fields)
        self.generation = 1
        self.read: tuple[int, SweepDefinition | None] = (0, None)
        self.status = WandbSweepStatus()
        self.intent: Intent | None = None
        self.claimed = False
        self.template_works = True
        self.wandb_back_at = NOW
        self.fresh_at = NOW  # until then readings show what was so before
        self.dies_after: int | None = None  # so many actions of the next pass that has any
        self.sweeps: dict[str, SimulatedSweep] = {}
        self.durations = [self.random.uniform(0.5, 1.5) * run_seconds for _ in range(runs)]
        self.cluster = SimulatedCluster(
            self.random, [SimulatedNode(name, gpus) for name, gpus in nodes], lambda path: self.sweeps[path]
        )
        self.searches = SimulatedSearches(
            self.random, lambda path: self.sweeps[path], lambda: self.now >= self.wandb_back_at
        )
        self.memory = Memory()
        self.lost_memories = 0
        self.passes = 0

    @property
    def sweep(self) -> SimulatedSweep | None:
        """The object's present sweep."""
        return self.sweeps.get(self.status.sweep_path or "")

    def edit(self, *, template_works: bool | None = None, **fields: Any) -> None:
        """A change of the object's spec, as with kubectl apply."""
        self.fields.update(fields)
        self.spec = a_spec(**self.fields)
        self.generation += 1
        self.cluster.changes += 1
        if template_works is not None:
            self.template_works = template_works

    @property
    def changes(self) -> int:
        """Of Jobs and pods: what wakes the operator."""
        return self.cluster.changes + self.searches.changes

    def search_is_ready(self) -> bool:
        """Whether a search of the present sweep is up."""
        return any(job.fact.ready and job.fact.sweep == self.status.sweep_path for job in self.searches.jobs.values())

    def restart_operator(self) -> None:
        self.memory = Memory(look_at=self.now)
        self.cluster.vanished.clear()
        self.lost_memories += 1

    def step(self) -> None:
        """Ten seconds."""
        self.now += STEP
        self.cluster.step(self.now)
        self.searches.step(self.now)
        self._operate()
        promises.of_slots(self)

    def run(self, duration: timedelta) -> None:
        for _ in range(duration // STEP):
            self.step()

    def agents(self) -> list[SimulatedJob]:
        """Jobs that hold a slot."""
        live = {pod.job for pod in self.cluster.live()}
        return [job for name, job in self.cluster.jobs.items() if job.fact.phase is JobPhase.ACTIVE or name in live]

    def _operate(self) -> None:
        for _ in range(PASSES_TO_REST):
            if self.memory.seen_changes == self.changes and self.now < self.memory.look_at:
                return
            try:
                self._make_pass()
            except OperatorDiedError:
                self.restart_operator()
        raise AssertionError(f"the planner does not come to rest: {make_plan(self._snapshot()).actions}")

    def _make_pass(self) -> None:
        self.passes += 1
        changes = self.changes
        snapshot = self._snapshot()
        plan = make_plan(snapshot)
        outcome = self._apply(snapshot, plan)
        verdict = None if outcome.wandb_problem else plan.verdict
        status = next_status(snapshot, outcome, verdict)
        if status != self.status:
            promises.of_hours(self, status)
            self.status = status
            self.cluster.changes += 1
        for uid in status.settled_pods:
            self.cluster.vanished.pop(uid, None)
        self.memory.seen_changes = changes
        self.memory.look_at = (
            self.now + plan.look_again if plan.look_again is not None else datetime.max.replace(tzinfo=self.now.tzinfo)
        )

    def _snapshot(self) -> Snapshot:
        snapshot = Snapshot(
            namespace="robots",
            name="anymal",
            uid=UID,
            generation=self.generation,
            spec=self.spec,
            status=self.status,
            now=self.now,
            has_finalizer=self.claimed,
            intent=self.intent,
            jobs=tuple(job.fact for job in self.cluster.jobs.values()),
            pods=(*(pod.fact for pod in self.cluster.pods.values()), *self.cluster.vanished.values()),
            search=tuple(job.fact for job in self.searches.jobs.values()),
        )
        if snapshot.terminal:
            return snapshot
        definition = self._definition()
        if not (snapshot.path and self._was_checked()):
            snapshot = replace(snapshot, definition=definition)
        if engine_of(definition):
            is_present = digest_of_token(self.status.sweep_digest or "") == wanted_digest(snapshot, definition)
            snapshot = replace(snapshot, searched=definition if is_present else None)
        reading, problem = self._look(snapshot)
        snapshot = replace(snapshot, reading=reading, wandb_problem=problem)
        sweep = self.sweep
        if sweep and problem is None and wants_busy(snapshot):
            snapshot = replace(snapshot, busy=sweep.busy())
        return snapshot

    def _definition(self) -> SweepDefinition:
        generation, definition = self.read
        if definition is None or generation != self.generation:
            definition = read_definition(self.spec.sweep or {}, field="spec.sweep")
            self.read = self.generation, definition
        return definition

    def _was_checked(self) -> bool:
        valid = self.status.condition(ConditionType.SWEEP_VALID)
        return bool(valid and valid.status is ConditionStatus.TRUE and valid.observed_generation == self.generation)

    def _look(self, snapshot: Snapshot) -> tuple[SweepReading | None, Problem | None]:
        last = self.memory.reading
        if last and str(last.path) != self.status.sweep_path:
            last = None
        due = last is None or self.memory.outdated or self.now >= polling.next_poll(last)
        if last and not due and not any(ended_since(job.finished_at, last.read_at) for job in snapshot.jobs):
            return last, None
        if self.now < self.wandb_back_at:
            return last, AWAY
        sweep = self.sweep
        if sweep is None:
            return None, None
        counts, state = sweep.counts(), sweep.state
        if last and self.now < self.fresh_at:
            counts, state = dict(last.runs_by_state), last.state_text
        same = last and (last.runs_by_state, last.state_text) == (counts, state)
        self.memory.outdated = False
        self.memory.reading = SweepReading(
            path=sweep.path,
            url="http://wandb.test/sweep",
            state=SweepState.from_wire(state),
            state_text=state,
            method=str(self.spec.sweep["method"] if self.spec.sweep else ""),
            run_cap=sweep.cap,
            grid_size=None,
            runs_by_state=counts,
            best=None,
            read_at=self.now,
            quiet_since=last.quiet_since if last and same else self.now,
        )
        return self.memory.reading, None

    def _apply(self, snapshot: Snapshot, plan: Plan) -> Outcome:
        dies_after = self.dies_after
        if plan.actions:
            self.dies_after = None
        promises.of_farewells(self, snapshot, plan)
        outcome = Outcome()
        for number, action in enumerate(plan.actions):
            if dies_after == number:
                raise OperatorDiedError
            outcome = carry_out(self, snapshot, action, outcome)
        if plan.actions and dies_after is not None:
            raise OperatorDiedError
        return outcome


def another_definition(number: int) -> dict[str, Any]:
    """A definition that makes another sweep."""
    return a_sweep(parameters={"agent.algorithm.gamma": {"values": [0.9, 0.99, number]}})


def another_search(number: int) -> dict[str, Any]:
    """A definition of a sweep that needs a search."""
    bounds = {"distribution": "log_normal", "min": 0.0001, "max": 0.001 * (number + 1)}
    return a_sweep(method="protein", parameters={"agent.algorithm.lr": bounds})
