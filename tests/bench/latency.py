"""From `kubectl apply` to the first agent's Job, beside an operator that does nothing but create a Job."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tables import milliseconds, percentile, row
from watching import Sightings, watched

from wandbsweep.controller.kube_api import jobs_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from surroundings import Surroundings

    from places import Place

SWEEPS = 50


def measure_latency(around: Surroundings) -> Iterator[str]:
    """One object after the other, taking turns with the bare operator; then all at once."""
    with (
        around.operated("latency") as (place, _operator),
        around.place("bare") as bare_place,
        _bare_operator(around, bare_place),
        watched(around.kube, jobs_path(place.namespace)) as jobs,
        watched(around.kube, jobs_path(bare_place.namespace)) as bare_jobs,
    ):
        ours, bare = [], []
        for number in range(SWEEPS):
            ours.append(_seconds_to_first_job(place, jobs, f"turn-{number}"))
            bare.append(_seconds_to_first_job(bare_place, bare_jobs, f"turn-{number}"))
        together = _seconds_to_all_first_jobs(place, jobs)
        bare_together = _seconds_to_all_first_jobs(bare_place, bare_jobs)

    yield f"From apply to the first Job, {SWEEPS} sweeps"
    yield row("", "p50", "p99", "all at once")
    yield _line("operator (claim, W&B sweep, status, Job)", ours, together)
    yield _line("bare kopf (a Job, nothing else)", bare, bare_together)
    ratios = [percentile(ours, percent) / percentile(bare, percent) for percent in (50, 99)]
    yield row("ratio", *(f"{ratio:.1f}" for ratio in (*ratios, together / bare_together)))


def _line(name: str, seconds: list[float], together: float) -> str:
    return row(name, milliseconds(percentile(seconds, 50)), milliseconds(percentile(seconds, 99)), f"{together:.2f} s")


def _seconds_to_first_job(place: Place, jobs: Sightings, name: str) -> float:
    applied_at = time.monotonic()
    place.apply(name)
    (seen_at,) = jobs.wait_for_added(f"{name}-0-0")
    return seen_at - applied_at


def _seconds_to_all_first_jobs(place: Place, jobs: Sightings) -> float:
    """From the first apply to the last Job."""
    applied_at = time.monotonic()
    for number in range(SWEEPS):
        place.apply(f"together-{number}")
    return max(jobs.wait_for_added(*(f"together-{number}-0-0" for number in range(SWEEPS)))) - applied_at


@contextmanager
def _bare_operator(around: Surroundings, place: Place) -> Iterator[None]:
    tests = Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("bare_operator.py"), place.namespace],
        env={**os.environ, "KUBECONFIG": str(around.kube.kubeconfig), "PYTHONPATH": str(tests.parent / "operator")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "watching\n"
        yield
    finally:
        process.kill()
        process.communicate()
