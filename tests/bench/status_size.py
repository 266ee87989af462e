"""How large the status of an object is, for sweeps of few and of very many runs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tables import row

from builders import NOW, PATH, a_job, a_live_object, a_pod, a_reading, a_spec
from wandbsweep.agent.causes import Cause
from wandbsweep.api.status import AvoidedNode, GPUHours, PastSweep, WandbSweepStatus
from wandbsweep.pool.facts import Best, FailedRun, JobPhase, SweepReading
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.status import next_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandbsweep.pool.facts import Snapshot

_RUNS: Final = (10, 1_000, 100_000)
_AGENTS: Final = 8
_FAILING: Final = tuple(cause for cause in Cause if cause is not Cause.FINISHED)


def measure_status_size() -> Iterator[str]:
    """A sweep in full swing, with everything in its status that there can be: causes, history, nodes, the best run."""
    sizes = [_size(_swing(runs)) for runs in _RUNS]
    yield f"The status of an object with {_AGENTS} agents, as JSON, by the number of its runs"
    yield row("runs", *(f"{runs:,}" for runs in _RUNS))
    yield row("bytes", *(f"{size:,}" for size in sizes))
    yield row("ratio to the smallest", *(f"{size / sizes[0]:.2f}" for size in sizes))


def _size(snapshot: Snapshot) -> int:
    status = next_status(snapshot, Outcome(), None)
    return len(json.dumps(status.model_dump(by_alias=True, exclude_none=True, mode="json"), separators=(",", ":")))


def _swing(runs: int) -> Snapshot:
    jobs = [a_job(slot) for slot in range(_AGENTS)]
    ended = [a_job(slot, attempt=1, phase=JobPhase.FAILED) for slot in range(_AGENTS)]
    pods = [a_pod(job) for job in jobs]
    pods += [a_pod(job, ended_at=NOW, seconds={"failed": 60.0, "finished": 3600.0}) for job in ended]
    return a_live_object(
        spec=a_spec(agentCount=_AGENTS),
        status=_old_status(runs),
        reading=_reading(runs),
        jobs=(*jobs, *ended),
        pods=tuple(replace(pod, uid=f"{number:08d}-6a0b-4d5e-9a57-2f3b6f1f0c11") for number, pod in enumerate(pods)),
    )


def _old_status(runs: int) -> WandbSweepStatus:
    url = "https://wandb.ai/lab/anymal/sweeps/nkbj7529"
    past = PastSweep(sweep_id=PATH.sweep_id, sweep_url=url, end_time=NOW, runs=f"{runs}/{runs}")
    nodes = [
        AvoidedNode(name=f"gpu-node-{number}", since=NOW - timedelta(minutes=number), message="RunsFailed: 3 of 3 runs")
        for number in range(10)
    ]
    return WandbSweepStatus(
        sweep_id=PATH.sweep_id,
        sweep_path=str(PATH),
        history=[past] * 10,
        avoided_nodes=nodes,
        gpu_hours=GPUHours(total=runs * 0.75, finished=runs * 0.5, failed=runs * 0.25),
    )


def _reading(runs: int) -> SweepReading:
    failed, running = runs // 5, 2
    parameters = {f"agent.algorithm.setting_{number}": 0.1 * number for number in range(20)}
    return a_reading(
        finished=runs - failed - running,
        failed=failed,
        running=running,
        failures=dict.fromkeys(_FAILING, runs // 50 + 1),
        latest_failures=tuple(
            FailedRun(f"run-{number}", f"swept-{number}", "https://wandb.ai/run", Cause.TRAINER_ERROR, "gpu-node-1")
            for number in range(min(failed, 5))
        ),
        best=Best("h7k2", f"run-{runs}", "https://wandb.ai/run/h7k2", "reward", 0.8131, parameters),
        run_cap=2 * runs,
    )
