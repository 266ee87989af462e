"""What became of runs that did not simply finish: how many have which tag, and the newest that failed.

Only filters that ask what a run has are used, never what it has not: W&B was seen to get `$nin` of tags wrong. So the
runs without a tag are those of a state less those of that state with one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wandbsweep.tracking.answer_fields import a_count, a_moment_or_none, a_text, an_object, nodes, texts
from wandbsweep.tracking.links import run_url
from wandbsweep.tracking.protocol import FailedRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.protocol import RunTags

BAD_STATES = ("failed", "crashed", "killed")

_FAILED_STATES = ("failed", "crashed")
_LATEST = 5


def run_filter(sweep_id: str, *more: Mapping[str, Any]) -> str:
    """The runs of a sweep, as W&B filters them."""
    return json.dumps({"$and": [{"sweep": sweep_id}, *more]}, separators=(",", ":"))


def sign_of_tags(sweep_id: str, tags: RunTags) -> dict[str, str]:
    """The filter of one count, by its name, that tells whether there is more to ask; none where no tags are counted."""
    return {"tagged": run_filter(sweep_id, _has_one_of(tags.counted))} if tags.counted else {}


def is_troubled(fields: Mapping[str, Any], tags: RunTags, runs_by_state: Mapping[str, int]) -> bool:
    """Whether any run did not simply finish; see `parse_tag_counts`."""
    tagged = a_count(fields, "tagged") if tags.counted else 0
    return tagged > 0 or any(runs_by_state[state] for state in BAD_STATES)


def count_filters(sweep_id: str, tags: RunTags) -> dict[str, str]:
    """The filters of the counts to ask for, by their names."""
    counts = {f"tag{number}": run_filter(sweep_id, _has_one_of([tag])) for number, tag in enumerate(tags.counted)}
    if tags.ending:
        ended = _has_one_of(tags.ending)
        counts |= {f"told_{state}": run_filter(sweep_id, {"state": state}, ended) for state in BAD_STATES}
    return counts


def latest_filter(sweep_id: str, tags: RunTags) -> str:
    """The filter of the runs that failed."""
    failed: dict[str, Any] = {"state": {"$in": _FAILED_STATES}}
    return run_filter(sweep_id, {"$or": [failed, _has_one_of(tags.failing)]} if tags.failing else failed)


def latest_selection(variable: str) -> str:
    """The text that asks for the newest failed runs."""
    runs = f'runs(filters: ${variable}, order: "-heartbeat_at", first: {_LATEST})'
    return f"latest: {runs} {{ edges {{ node {{ name displayName state tags heartbeatAt }} }} }}"


def no_tags(tags: RunTags) -> dict[str, int]:
    """The counts of a sweep in which no run has any tag."""
    return dict.fromkeys(tags.counted, 0)


def no_bad_runs() -> dict[str, int]:
    """The counts of a sweep in which no run ended badly."""
    return dict.fromkeys(BAD_STATES, 0)


def parse_tag_counts(fields: Mapping[str, Any], tags: RunTags) -> dict[str, int]:
    """How many runs have each tag.

    Raises:
        MalformedAnswerError: a field is missing or of the wrong kind.
    """
    return {tag: a_count(fields, f"tag{number}") for number, tag in enumerate(tags.counted)}


def parse_untagged(fields: Mapping[str, Any], tags: RunTags, runs_by_state: Mapping[str, int]) -> dict[str, int]:
    """How many runs of each bad state have no tag that says how they ended; see `parse_tag_counts`."""
    told = {state: a_count(fields, f"told_{state}") if tags.ending else 0 for state in BAD_STATES}
    return {state: max(runs_by_state[state] - told[state], 0) for state in BAD_STATES}


def parse_latest(fields: Mapping[str, Any], tags: RunTags, path: SweepPath, app: str) -> tuple[FailedRun, ...]:
    """The newest failed runs; one whose tag says that its end was no failure is left out. See `parse_tag_counts`."""
    found = [_failed_run(node, path, app) for node in nodes(an_object(fields, "latest"))]
    return tuple(run for run in found if not set(tags.settling).intersection(run.tags))


def _failed_run(node: Mapping[str, Any], path: SweepPath, app: str) -> FailedRun:
    run_id = a_text(node, "name")
    return FailedRun(
        run_id=run_id,
        name=str(node.get("displayName") or run_id),
        url=run_url(app, path, run_id),
        state=a_text(node, "state").lower(),
        tags=texts(node, "tags"),
        seen_at=a_moment_or_none(node, "heartbeatAt"),
    )


def _has_one_of(tags: Sequence[str]) -> dict[str, Any]:
    return {"tags": {"$in": list(tags)}}
