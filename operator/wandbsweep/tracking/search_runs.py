"""What a search asks a W&B server about the runs of its sweep, and what it writes into runs that ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.tracking import search_documents as documents
from wandbsweep.tracking.answer_fields import a_count, a_text, an_object, an_object_or_none, nodes, texts
from wandbsweep.tracking.config_text import parse_config
from wandbsweep.tracking.failure_reads import run_filter
from wandbsweep.tracking.run_values import json_mapping
from wandbsweep.tracking.sweep_changes import in_place, refusal, sweep_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.graphql_client import Answer, GraphQLClient
    from wandbsweep.tracking.protocol import Account

FAILED: Final = ("failed", "crashed")
ALIVE: Final = ("pending", "running", "preempting", "preempted")
"""States of runs that may still end: one that was preempted is handed out again."""

OVER: Final = ("FINISHED", "CANCELED", "ERROR", "FLAPPING", "CRASHED")
"""States of a sweep that hands out no more runs."""

_RUNS_PER_REQUEST = 100


@dataclass(frozen=True)
class SearchLook:
    """The runs of a sweep, as W&B lists them: what is newer than some seconds may not be there yet.

    Attributes:
        state: the sweep's, upper case.
        total: how many runs it has.
        failed: how many of them failed or crashed.
        alive: those that may still end, with their states.
    """

    state: str
    total: int
    failed: int
    alive: Mapping[str, str]


@dataclass(frozen=True)
class RecordedRun:
    """A run as it stands on W&B. Its config is what the search chose for it, and what its trainer added."""

    run_id: str
    state: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]


async def look(client: GraphQLClient, account: Account, path: SweepPath) -> SearchLook:
    """One look at all runs of a sweep. Gone: SweepMissing. Asking twice changes nothing."""
    filters = {
        "all": run_filter(path.sweep_id, {}),
        "failed": run_filter(path.sweep_id, _in_one_of(FAILED)),
        "alive": run_filter(path.sweep_id, _in_one_of(ALIVE)),
    }
    answer = await client.ask(account, documents.LOOK, in_place(path) | filters)
    sweep = sweep_of(account, answer, f"look at sweep {path}", path)
    project = an_object(answer.data, "project")
    return SearchLook(
        state=a_text(sweep, "state").upper(),
        total=a_count(project, "total"),
        failed=a_count(project, "failed"),
        alive={a_text(run, "name"): a_text(run, "state").lower() for run in nodes(an_object(project, "alive"))},
    )


async def read_runs(
    client: GraphQLClient, account: Account, path: SweepPath, run_ids: Sequence[str]
) -> dict[str, RecordedRun]:
    """The runs with these IDs; one that W&B does not have, or does not list yet, is not in the answer."""
    found: dict[str, RecordedRun] = {}
    for first in range(0, len(run_ids), _RUNS_PER_REQUEST):
        batch = list(run_ids[first : first + _RUNS_PER_REQUEST])
        page = await _page(client, account, path, run_filter(path.sweep_id, {"name": {"$in": batch}}), None)
        found |= {run.run_id: run for run in map(_recorded, nodes(page))}
    return found


async def read_all_runs(client: GraphQLClient, account: Account, path: SweepPath) -> list[RecordedRun]:
    """Every run of the sweep, the oldest first."""
    found: dict[str, RecordedRun] = {}
    cursor: str | None = None
    while True:
        page = await _page(client, account, path, run_filter(path.sweep_id), cursor)
        found |= {run.run_id: run for run in map(_recorded, nodes(page))}
        info = an_object(page, "pageInfo")
        if not info.get("hasNextPage") or info.get("endCursor") in {None, "", cursor}:
            return list(found.values())
        cursor = a_text(info, "endCursor")


async def read_sweep(client: GraphQLClient, account: Account, path: SweepPath) -> tuple[str, Mapping[str, Any]]:
    """What people call the sweep, and its config. Gone: SweepMissing."""
    answer = await client.ask(account, documents.SWEEP, in_place(path))
    sweep = sweep_of(account, answer, f"read sweep {path}", path)
    return str(sweep.get("displayName") or path.sweep_id), parse_config(a_text(sweep, "config"))


async def write_result(
    client: GraphQLClient,
    account: Account,
    path: SweepPath,
    run_id: str,
    summary: Mapping[str, Any],
    *,
    tags_added: Collection[str] = (),
    tags_removed: Collection[str] = (),
) -> None:
    """Set keys of a run's summary and change its tags; the rest of both stays.

    Twice, or where all of it stands there already: nothing happens. Gone: nothing happens.
    """

    async def act(deadline: float) -> Answer | None:
        answer = await client.send(account, documents.RUN, {**_place(path), "run": run_id}, deadline)
        present = an_object_or_none(_project(account, answer, f"read run {run_id} of {path}", path), "run")
        if present is None:
            return None
        before, tags = json_mapping(present.get("summaryMetrics")), texts(present, "tags")
        after = {**before, **summary}
        kept = [tag for tag in dict.fromkeys([*tags, *tags_added]) if tag not in set(tags_removed)]
        if after == before and kept == list(tags):
            return None
        change = {"id": a_text(present, "id"), "summary": json.dumps(after), "tags": kept}
        return await client.send(account, documents.WRITE_RESULT, change, deadline, fresh_connection=True)

    answer = await client.insist(act)
    if answer is not None and answer.problems:
        raise refusal(account, answer, f"write into run {run_id} of sweep {path}", path)


def _in_one_of(states: Sequence[str]) -> dict[str, Any]:
    return {"$or": [{"state": state} for state in states]}


async def _page(
    client: GraphQLClient, account: Account, path: SweepPath, filters: str, cursor: str | None
) -> Mapping[str, Any]:
    variables = {**_place(path), "filters": filters, "first": _RUNS_PER_REQUEST, "cursor": cursor}
    answer = await client.ask(account, documents.RUNS, variables)
    return an_object(_project(account, answer, f"read runs of sweep {path}", path), "runs")


def _place(path: SweepPath) -> dict[str, Any]:
    return {"entity": path.entity, "project": path.project}


def _project(account: Account, answer: Answer, what: str, path: SweepPath) -> Mapping[str, Any]:
    if answer.problems:
        raise refusal(account, answer, what, path)
    return an_object(answer.data, "project")


def _recorded(node: Mapping[str, Any]) -> RecordedRun:
    wired = json_mapping(node.get("config"))
    config = {
        name: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for name, entry in wired.items()
        if name != "_wandb"
    }
    return RecordedRun(
        run_id=a_text(node, "name"),
        state=a_text(node, "state").lower(),
        config=config,
        summary=json_mapping(node.get("summaryMetrics")),
    )
