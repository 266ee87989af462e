"""The search of a sweep: which Job of it is wanted now, when the next one starts, and what a running one is told.

There is at most one: a new one is created only when no other is left. Nothing is lost with a search, since it reads
all that it knows from the runs on W&B; agents go on with the runs that they hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.api.reasons import Reason
from wandbsweep.pool.actions import RemoveSearch, StartSearch, TellSearch
from wandbsweep.pool.budget import is_scan, is_searched, run_cap
from wandbsweep.pool.facts import HANDING_OUT, JobPhase, Problem
from wandbsweep.pool.retries import LONGEST_RETRY_DELAY, ended_since, retry_delay
from wandbsweep.pool.search_job import search_digest
from wandbsweep.sweep.search_order import OrderError, SearchOrder, search_order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from wandbsweep.pool.facts import SearchJob, Snapshot

FINAL: Final = (SearchExit.INVALID, SearchExit.UNSUPPORTED, SearchExit.ENGINE_MISSING)
"""Ends that another search would come to as well, until it is told something else or made from something else."""

KEPT_JOBS: Final = 6  # enough to reach the longest delay; older ones are deleted
LONG_LIFE: Final = 2 * LONGEST_RETRY_DELAY  # whatever ended a search that lived so long is no fault of its start


@dataclass(frozen=True)
class SearchPlan:
    """What to do about the search, and when it comes due."""

    actions: tuple[StartSearch | RemoveSearch | TellSearch, ...] = ()
    due_at: datetime | None = None
    needs_reading: bool = False  # it ended after the last look at W&B, and so perhaps with the sweep


def plan_search(snapshot: Snapshot) -> SearchPlan:
    """What brings the one search of a live sweep about that is not paused."""
    jobs = jobs_in_order(snapshot)
    going = _farewells(snapshot, jobs)
    leaving = {removal.job_name for removal in going}
    present = [job for job in jobs if is_present(job)]
    if present:
        return SearchPlan((*going, *_told(snapshot, [job for job in present if job.name not in leaving])))
    return _start(snapshot, jobs, going)


def farewells(snapshot: Snapshot, why: str) -> tuple[RemoveSearch, ...]:
    """For a sweep that hands out nothing, now or any more: no search is there for it."""
    return tuple(_removal(job, why) for job in snapshot.search if not job.deleting)


def farewells_of_past_sweeps(snapshot: Snapshot) -> tuple[RemoveSearch, ...]:
    """Searches of replaced sweeps, while there is no new one yet."""
    past = {sweep.sweep_id for sweep in snapshot.status.history}
    return tuple(
        _removal(job, "its sweep was replaced")
        for job in snapshot.search
        if job.sweep and job.sweep.rpartition("/")[2] in past and not job.deleting
    )


def order_of(snapshot: Snapshot) -> SearchOrder | Problem | None:
    """What the search is to be told, or why that cannot be; None where it is not known now."""
    if snapshot.searched is None:
        return snapshot.searched_problem
    if snapshot.reading is None:
        return None
    retry_failed = snapshot.spec.search.retry_failed if is_scan(snapshot) else 0
    try:
        return search_order(
            snapshot.searched, name=snapshot.name, max_runs=run_cap(snapshot), retry_failed=retry_failed
        )
    except OrderError as error:
        return Problem(Reason.SEARCH_INVALID, str(error))


def wanted_digest(snapshot: Snapshot) -> str | None:
    """The digest of the search that is wanted now; None where that is not known."""
    order = order_of(snapshot)
    return search_digest(snapshot.spec, order) if isinstance(order, SearchOrder) else None


def has_begun(snapshot: Snapshot) -> bool:
    """Whether agents may expect runs: the search was ready once. Later, one that is down leaves agents alone."""
    if not is_searched(snapshot) or (snapshot.reading and snapshot.reading.total_runs):
        return True
    return any(job.ready and job.sweep == snapshot.status.sweep_path for job in snapshot.search)


def jobs_in_order(snapshot: Snapshot) -> list[SearchJob]:
    """The Jobs of the search, oldest attempt first."""
    return sorted(snapshot.search, key=lambda job: job.attempt)


def newest(snapshot: Snapshot) -> SearchJob | None:
    """The last Job of the search."""
    return max(snapshot.search, key=lambda job: job.attempt, default=None)


def is_present(job: SearchJob) -> bool:
    """Whether a search may still be at work in it."""
    return job.phase is JobPhase.ACTIVE or job.deleting


def ends_in_a_row(jobs: Sequence[SearchJob]) -> int:
    """How many of the newest Jobs ended one after the other, all told the same and none after a long life.

    Good ends count as well: a search that takes a sweep for finished which is not would else start without end.
    """
    ended = [job for job in reversed(jobs) if not is_present(job)]
    short = takewhile(lambda job: job.digest == ended[0].digest and not _lived_long(job), ended)
    return max(sum(1 for _ in short), min(len(ended), 1))


def final_end(snapshot: Snapshot) -> tuple[SearchJob, SearchExit] | None:
    """The last search, if it ended so that another one would as well."""
    jobs = jobs_in_order(snapshot)
    if not jobs or is_present(jobs[-1]) or _is_outdated(jobs[-1], snapshot):
        return None
    end = next((code for code in FINAL if jobs[-1].exit_reason == code.reason or jobs[-1].exit_code == code), None)
    return (jobs[-1], end) if end else None


def due_at(snapshot: Snapshot) -> datetime:
    """When the next search may start."""
    jobs = jobs_in_order(snapshot)
    last_end = jobs[-1].finished_at if jobs else None
    if last_end is None or _is_outdated(jobs[-1], snapshot):
        return snapshot.now
    return last_end + retry_delay(ends_in_a_row(jobs))


def _start(snapshot: Snapshot, jobs: Sequence[SearchJob], going: tuple[RemoveSearch, ...]) -> SearchPlan:
    order, reading, path = order_of(snapshot), snapshot.reading, snapshot.path
    if not isinstance(order, SearchOrder) or reading is None or path is None or not _may_start(snapshot):
        return SearchPlan(going)
    if jobs and ended_since(jobs[-1].finished_at, reading.read_at):
        return SearchPlan(going, needs_reading=True)
    if (due := due_at(snapshot)) > snapshot.now:
        return SearchPlan(going, due_at=due)
    attempt = jobs[-1].attempt + 1 if jobs else 0
    return SearchPlan((*going, StartSearch(attempt, path, order, snapshot.spec.agent_count)))


def _may_start(snapshot: Snapshot) -> bool:
    """As for agents: not without an answer of W&B, nor from a template that is refused."""
    reading = snapshot.reading
    if reading is None or reading.state not in HANDING_OUT or snapshot.wandb_problem:
        return False
    return not snapshot.pods_refused and final_end(snapshot) is None


def _farewells(snapshot: Snapshot, jobs: Sequence[SearchJob]) -> tuple[RemoveSearch, ...]:
    """Searches that are not wanted, were told something else or are too many; and ended ones of no use."""
    newest = jobs[-1] if jobs else None
    reasons = {job.name: _why_not(job, newest, snapshot) for job in jobs if job.phase is JobPhase.ACTIVE}
    ended = [job for job in jobs if job.phase is not JobPhase.ACTIVE]
    for number, job in enumerate(ended):
        is_old = len(ended) - number > KEPT_JOBS or (newest is not None and job.digest != newest.digest)
        reasons[job.name] = "others came after it" if is_old else None
    return tuple(_removal(job, why) for job in jobs if (why := reasons[job.name]) and not job.deleting)


def _why_not(job: SearchJob, newest: SearchJob | None, snapshot: Snapshot) -> str | None:
    """Why this search has to go; None if it may stay. Without an answer of W&B nothing that works is replaced."""
    if not is_searched(snapshot):
        return "W&B searches the sweep itself"
    if job.sweep is not None and job.sweep != snapshot.status.sweep_path:
        return "its sweep was replaced"
    if job is not newest:
        return "a newer one is there"
    if _is_outdated(job, snapshot) and not snapshot.wandb_problem and not snapshot.pods_refused:
        return "what it was told or made from has changed"
    return None


def _is_outdated(job: SearchJob, snapshot: Snapshot) -> bool:
    wanted = wanted_digest(snapshot)
    return wanted is not None and job.digest is not None and job.digest != wanted


def _told(snapshot: Snapshot, jobs: Sequence[SearchJob]) -> tuple[TellSearch, ...]:
    count = snapshot.spec.agent_count
    return tuple(
        TellSearch(job.pod_name, count)
        for job in jobs
        if job.pod_name and not job.deleting and job.told_agents != count
    )


def _lived_long(job: SearchJob) -> bool:
    return job.finished_at is not None and job.finished_at - job.created_at >= LONG_LIFE


def _removal(job: SearchJob, why: str) -> RemoveSearch:
    return RemoveSearch(job.name, running=job.phase is JobPhase.ACTIVE, why=why)
