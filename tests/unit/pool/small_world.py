"""The least world in which an object lives: its record at the API server, sweeps on W&B, Jobs, and passes that may die.

Readings are always fresh and pods are left out; what is of interest here is the order of writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from builders import NOW, UID, a_reading, a_spec, a_sweep
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus, WandbSweepStatus
from wandbsweep.pool import actions
from wandbsweep.pool.facts import AgentJob, Intent, JobPhase, Problem, Snapshot
from wandbsweep.pool.outcome import CreatedSweep, Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.status import next_status
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.path import SweepPath

if TYPE_CHECKING:
    from wandbsweep.pool.facts import SweepReading

AWAY: Final = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")
OVER: Final = {"FINISHED", "CANCELED"}


class DiedError(Exception):
    """The operator, in the middle of a pass."""


class AwayError(Exception):
    """W&B, in the middle of a pass."""


@dataclass
class Sweep:
    """A sweep on W&B."""

    path: SweepPath
    config: dict[str, Any]
    appears_at: datetime
    state: str = "PENDING"


@dataclass
class World:
    """One object and all that it brings about."""

    fields: dict[str, Any] = field(default_factory=lambda: {"agentCount": 2, "maxRuns": 50})
    definition: dict[str, Any] = field(default_factory=a_sweep)
    generation: int = 1
    status: WandbSweepStatus = field(default_factory=WandbSweepStatus)
    intent: Intent | None = None
    finalizer: bool = False
    deleted_at: datetime | None = None
    gone: bool = False
    now: datetime = NOW
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    jobs: dict[str, AgentJob] = field(default_factory=dict)
    away: bool = False
    next_creation_is_late: bool = False
    writes_left: int | None = None  # before the operator dies

    def edit(self, *, definition: dict[str, Any] | None = None, **fields: Any) -> None:
        """As with kubectl apply."""
        self.fields |= fields
        self.definition = definition or self.definition
        self.generation += 1

    def press(self, state: str) -> None:
        """On W&B's page."""
        sweep = self.sweeps.get(self.status.sweep_id or "")
        if sweep and sweep.state not in OVER:
            sweep.state = state

    def living(self) -> list[Sweep]:
        """Sweeps that are not over, whether or not the server has carried their creation out."""
        return [sweep for sweep in self.sweeps.values() if sweep.state not in OVER]

    def settle(self, duration: timedelta = timedelta(minutes=3)) -> None:
        """Passes until nothing is left to do."""
        end = self.now + duration
        while self.now < end:
            self.make_pass()
            self.now += timedelta(seconds=5)

    def make_pass(self) -> None:
        """One pass of whichever operator is alive."""
        if self.gone:
            return
        try:
            self._make_pass()
        except DiedError:
            self.writes_left = None

    def _make_pass(self) -> None:
        snapshot = self._snapshot()
        plan = make_plan(snapshot)
        outcome = self._apply(snapshot, plan)
        if self.deleted_at:
            return
        verdict = None if outcome.wandb_problem else plan.verdict
        status = next_status(snapshot, outcome, verdict)
        if status != self.status:
            self._write()
            self.status = status

    def _write(self) -> None:
        if self.writes_left == 0:
            raise DiedError
        if self.writes_left is not None:
            self.writes_left -= 1

    def _snapshot(self) -> Snapshot:
        snapshot = Snapshot(
            namespace="robots",
            name="anymal",
            uid=UID,
            generation=self.generation,
            spec=a_spec(sweep=self.definition, **self.fields),
            status=self.status,
            now=self.now,
            deleted_at=self.deleted_at,
            has_finalizer=self.finalizer,
            intent=self.intent,
            jobs=tuple(self.jobs.values()),
            wandb_problem=AWAY if self.away else None,
        )
        if snapshot.terminal:
            return replace(snapshot, wandb_problem=None)
        valid = self.status.condition(ConditionType.SWEEP_VALID)
        checked = valid and valid.status is ConditionStatus.TRUE and valid.observed_generation == self.generation
        if not (snapshot.path and checked):
            snapshot = replace(snapshot, definition=read_definition(self.definition, field="spec.sweep"))
        return replace(snapshot, reading=self._reading(snapshot))

    def _reading(self, snapshot: Snapshot) -> SweepReading | None:
        if self.away or snapshot.path is None:
            return None
        sweep = self.sweeps[snapshot.path.sweep_id]
        texts = {"display_name": sweep.config["name"], "description": sweep.config["description"]}
        cap = sweep.config.get("run_cap")
        return replace(a_reading(state=sweep.state, at=self.now, run_cap=cap, **texts), path=sweep.path)

    def _apply(self, snapshot: Snapshot, plan: actions.Plan) -> Outcome:
        outcome = Outcome()
        try:
            for action in plan.actions:
                outcome = self._do(snapshot, action, outcome)
        except AwayError:
            outcome = replace(outcome, wandb_problem=AWAY)
        for action in plan.actions:
            if isinstance(action, actions.RemoveAgent):
                self._write()
                self.jobs.pop(action.job_name)
            elif isinstance(action, actions.StartAgent) and not outcome.wandb_problem:
                self._write()
                self._start(action)
        return outcome

    def _start(self, action: actions.StartAgent) -> None:
        name = f"anymal-{action.slot}-{action.attempt}"
        assert name not in self.jobs
        self.jobs[name] = AgentJob(name, action.slot, action.attempt, JobPhase.ACTIVE, self.now, sweep=str(action.path))

    def _do(self, snapshot: Snapshot, action: actions.Action, outcome: Outcome) -> Outcome:
        match action:
            case actions.ClaimObject():
                self._write()
                self.finalizer = True
                self.intent = Intent(snapshot.now, action.token or "")
            case actions.LeaveSweep():
                self._write()
                self.intent = Intent(snapshot.now, action.token, leaving=True)
            case actions.ReleaseObject():
                self._write()
                self.gone = True
            case actions.CreateSweep():
                return replace(outcome, created=self._create(action))
            case actions.AdoptSweep():
                return replace(outcome, created=self._find(action.marker, action.token))
            case actions.SetSweepState():
                self._set_state(self.sweeps[action.path.sweep_id], action.state)
                return replace(outcome, on_wandb=(*outcome.on_wandb, action))
            case actions.FindAndStop():
                found = self._find(action.marker, "")
                if found:
                    self._set_state(self.sweeps[found.path.sweep_id], action.state)
            case actions.UpdateSweep():
                self._reach_wandb()
                self._write()
                self.sweeps[action.path.sweep_id].config = dict(action.config)
                return replace(outcome, on_wandb=(*outcome.on_wandb, action))
        return outcome

    def _reach_wandb(self) -> None:
        if self.away:
            raise AwayError

    def _set_state(self, sweep: Sweep, state: str) -> None:
        self._reach_wandb()
        self._write()
        if sweep.state not in OVER:
            sweep.state = state

    def _find(self, marker: str, token: str) -> CreatedSweep | None:
        self._reach_wandb()
        for sweep in self.sweeps.values():
            if marker in sweep.config["description"].splitlines() and self.now >= sweep.appears_at:
                return CreatedSweep(sweep.path, "http://wandb.test", Reason.ADOPTED, token)
        return None

    def _create(self, action: actions.CreateSweep) -> CreatedSweep:
        if action.look_up_first and (found := self._find(action.marker, action.token)):
            return found
        self._reach_wandb()
        self._write()
        late, self.next_creation_is_late = self.next_creation_is_late, False
        path = SweepPath("lab", "anymal", f"sweep{len(self.sweeps)}")
        delay = timedelta(seconds=40 if late else 0)
        self.sweeps[path.sweep_id] = Sweep(path, dict(action.config), self.now + delay)
        if late:
            raise AwayError  # the time-out of a request that is still under way
        return CreatedSweep(path, "http://wandb.test", Reason.CREATED, action.token)
