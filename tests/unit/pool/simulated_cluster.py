"""A cluster as far as the planner sees one: nodes with GPUs, agent Jobs, their pods, and the agents in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from wandbsweep.pool.facts import AgentJob, AgentPod, JobPhase

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from unit.pool.simulated_wandb import SimulatedRun, SimulatedSweep

STEP = timedelta(seconds=10)
FAILURES_TO_GIVE_UP = 3
ASKS = 0.2  # how likely it is in each step that an agent without a run gets one, if there is any
FAILS_AFTER = 20.0  # seconds of a trial on a bad node


@dataclass
class SimulatedNode:
    name: str
    gpus: int
    alive: bool = True
    bad: bool = False


@dataclass
class SimulatedPod:
    """A pod with its agent, which keeps account of its life."""

    fact: AgentPod
    job: str
    runs_at: datetime | None = None  # when its containers will run
    ends_at: datetime | None = None  # when it will have ended after it was told to
    run: SimulatedRun | None = None
    run_began: datetime | None = None
    ended_runs: int = 0
    failures_in_a_row: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("finished", "failed", "preempted"), 0.0))


@dataclass
class SimulatedJob:
    """`works`: whether the template that it was made from does; its agent crashes otherwise."""

    fact: AgentJob
    runs_per_agent: int | None
    works: bool
    unwelcome: tuple[str, ...] = ()


class SimulatedCluster:
    """The Job controller, the scheduler, the kubelets and the agents, one step after the other."""

    def __init__(self, random: Random, nodes: list[SimulatedNode], sweep_of: Callable[[str], SimulatedSweep]) -> None:
        self.nodes = nodes
        self.jobs: dict[str, SimulatedJob] = {}
        self.pods: dict[str, SimulatedPod] = {}
        self.vanished: dict[str, AgentPod] = {}  # ended and gone, as the watch told of them
        self.changes = 0
        self._random = random
        self._sweep_of = sweep_of
        self._made = 0
        self.true_hours = 0.0

    def step(self, now: datetime) -> None:
        """What happens of itself until the next step."""
        self.true_hours += sum(STEP / timedelta(hours=1) for pod in self.live() if pod.fact.started_at)
        for pod in list(self.pods.values()):
            self._advance(pod, now)
        for job in list(self.jobs.values()):
            mine = [pod for pod in self.live() if pod.job == job.fact.name]
            if job.fact.deleting and not mine:
                self._forget(job.fact.name)
            elif not job.fact.deleting and not mine and job.fact.phase is JobPhase.ACTIVE:
                self._create_pod(job)
        self._schedule(now)

    def live(self) -> list[SimulatedPod]:
        return [pod for pod in self.pods.values() if pod.fact.ended_at is None]

    def create_job(self, job: SimulatedJob) -> bool:
        """False if there is one of this name."""
        if job.fact.name in self.jobs:
            return False
        self.jobs[job.fact.name] = job
        self.changes += 1
        return True

    def delete_job(self, name: str, now: datetime) -> None:
        """In the foreground: it stays until its pod has ended."""
        if name not in self.jobs:
            return
        job = self.jobs[name]
        job.fact = replace(job.fact, deleting=True)
        self.changes += 1
        mine = [pod for pod in self.live() if pod.job == name]
        for pod in mine:
            self.delete_pod(pod, now)
        if not mine:
            self._forget(name)

    def delete_pod(self, pod: SimulatedPod, now: datetime) -> None:
        if pod.fact.deleting:
            return
        pod.fact = replace(pod.fact, deleting=True, ready=False)
        grace = self._random.choice([0, 10, 20]) if pod.run else 0
        pod.ends_at = now + timedelta(seconds=grace)
        self.changes += 1

    def ask_to_leave(self, pod_name: str) -> None:
        for pod in self.live():
            if pod.fact.name == pod_name:
                pod.fact = replace(pod.fact, leaving=True)
                self.changes += 1

    def lose_node(self, name: str, now: datetime) -> None:
        """Its pods are gone without a word, and so are their runs."""
        for node in self.nodes:
            if node.name == name:
                node.alive = False
        for pod in [pod for pod in self.live() if pod.fact.node == name]:
            if pod.run:
                pod.run.state, pod.run = "crashed", None
            self._end(pod, now, "Failed", None, told=False)

    def end_agent(self, pod: SimulatedPod, now: datetime, *, oom: bool = False) -> None:
        """The W&B agent crashes, or the kernel kills the container as a whole."""
        if pod.run:
            pod.run.state, pod.run = "crashed", None
        pod.fact = replace(pod.fact, oom_killed=oom)
        self._end(pod, now, "Failed", None if oom else "AgentCrashed", told=not oom)

    def _advance(self, pod: SimulatedPod, now: datetime) -> None:
        if pod.fact.ended_at or pod.fact.node is None or pod.runs_at is None:
            if pod.fact.ended_at is None and pod.ends_at and pod.ends_at <= now:
                self._end(pod, now, "Failed", "Drained", told=False)
            return
        if pod.ends_at and pod.ends_at <= now:
            self._stop_run(pod, now, "preempted", "preempted")
            self._end(pod, now, "Failed", "Drained", told=pod.fact.phase == "Running")
        elif pod.fact.phase == "Pending" and pod.runs_at <= now and not pod.fact.deleting:
            pod.fact = replace(pod.fact, phase="Running", ready=True)
            self.changes += 1
            if not self.jobs[pod.job].works:
                self._end(pod, now, "Failed", "AgentCrashed", told=True)
        elif pod.fact.phase == "Running" and not pod.fact.deleting:
            self._work(pod, now)

    def _work(self, pod: SimulatedPod, now: datetime) -> None:
        job, sweep = self.jobs[pod.job], self._sweep_of(self.jobs[pod.job].fact.sweep or "")
        if pod.run is not None:
            bad = any(node.bad for node in self.nodes if node.name == pod.fact.node)
            pod.run.left -= STEP.total_seconds()
            if bad and now - (pod.run_began or now) >= timedelta(seconds=FAILS_AFTER):
                pod.failures_in_a_row += 1
                self._stop_run(pod, now, "failed", "failed")
            elif pod.run.left <= 0:
                pod.failures_in_a_row = 0
                self._stop_run(pod, now, "finished", "finished")
        if pod.run is not None:
            return
        if pod.failures_in_a_row >= FAILURES_TO_GIVE_UP:
            self._end(pod, now, "Failed", "RunsFailed", told=True)
        elif pod.fact.leaving or pod.ended_runs == job.runs_per_agent or sweep.sends_agents_away:
            self._end(pod, now, "Succeeded", "Done", told=True)
        elif self._random.random() < ASKS and (run := sweep.next_run(pod.fact.name, now)):
            pod.run, pod.run_began = run, now

    def _stop_run(self, pod: SimulatedPod, now: datetime, state: str, part: str) -> None:
        if pod.run is None or pod.run_began is None:
            return
        pod.run.state, pod.run.host = state, None
        pod.seconds[part] += (now - pod.run_began).total_seconds()
        pod.run, pod.ended_runs = None, pod.ended_runs + 1

    def _end(self, pod: SimulatedPod, now: datetime, phase: str, reason: str | None, *, told: bool) -> None:
        self.changes += 1
        life = (now - pod.runs_at).total_seconds() if pod.runs_at and pod.runs_at <= now else 0.0
        idle = max(life - sum(pod.seconds.values()), 0.0)
        words = {**pod.seconds, "idle": idle, "startup": 0.0} if told else None
        pod.fact = replace(pod.fact, phase=phase, ready=False, ended_at=now, exit_reason=reason, seconds=words)
        disrupted = reason == "Drained" or (reason is None and not pod.fact.oom_killed)
        if disrupted or pod.fact.deleting:  # nothing keeps the pod, and its Job makes another
            self.vanished[pod.fact.uid] = self.pods.pop(pod.fact.uid).fact
            return
        job = self.jobs[pod.job]
        done = JobPhase.SUCCEEDED if phase == "Succeeded" else JobPhase.FAILED
        job.fact = replace(job.fact, phase=done, finished_at=now)

    def _create_pod(self, job: SimulatedJob) -> None:
        self._made += 1
        uid = f"uid-{self._made}"
        self.pods[uid] = SimulatedPod(
            AgentPod(f"{job.fact.name}-{self._made:x}", job.fact.name, "Pending", ready=False, uid=uid, gpus=1),
            job.fact.name,
        )
        self.changes += 1

    def _schedule(self, now: datetime) -> None:
        taken = [pod.fact.node for pod in self.live()]
        for pod in self.live():
            if pod.fact.node is not None or pod.fact.deleting:
                continue
            job = self.jobs[pod.job]
            fitting = [
                node
                for node in self.nodes
                if node.alive and node.name not in job.fact.avoids and taken.count(node.name) < node.gpus
            ]
            if not fitting:
                self.changes += not pod.fact.unschedulable
                pod.fact = replace(pod.fact, unschedulable=True)
                continue
            node = min(fitting, key=lambda node: (node.name in job.unwelcome, taken.count(node.name)))
            taken.append(node.name)
            pod.fact = replace(pod.fact, node=node.name, started_at=now, unschedulable=False)
            pod.runs_at = now + timedelta(seconds=self._random.choice([20, 60, 120]))
            self.changes += 1

    def _forget(self, name: str) -> None:
        """A Job goes with its ended pods; whoever has not noted their ends will not learn of them."""
        self.changes += 1
        del self.jobs[name]
        for uid in [uid for uid, pod in self.pods.items() if pod.job == name]:
            del self.pods[uid]
