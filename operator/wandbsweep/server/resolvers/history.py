"""The rows that a run has streamed, sampled and paged as `wandb.Api` asks for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ariadne import ObjectType

from wandbsweep.server.json_text import read_object, write_json
from wandbsweep.server.resolvers.request import offset_of
from wandbsweep.server.store import lines
from wandbsweep.server.store.tables import events, history, log_lines

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from wandbsweep.server.resolvers.request import Info
    from wandbsweep.server.store.runs import Run

run = ObjectType("Run")

_DEFAULT_SAMPLES = 500
_MOST_SAMPLES = 10_000
_MOST_LOG_LINES = 10_000
_TAIL = 10
_FARTHEST = 2**60
# `[ERROR ]<UTC time> [<label>] text`, as the SDK writes its console log.
_LOG_LINE = re.compile(
    r"(?P<level>ERROR )?(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?) (?:\[(?P<label>[^\]]*)\] )?(?P<text>.*)",
    re.DOTALL,
)


@run.field("historyKeys")
def _history_keys(owner: Run, _: Info) -> dict[str, Any] | None:
    if not owner.history_count:
        return None
    keys = read_object(owner.history_keys, "history keys")
    counts = {
        key: {"typeCounts": [{"type": kind, "count": count} for kind, count in kinds.items()]}
        for key, kinds in keys.items()
    }
    return {"lastStep": owner.last_step, "keys": counts, "sets": []}


@run.field("history")
def _history(
    owner: Run,
    info: Info,
    *,
    minStep: int | None = None,  # noqa: N803 - W&B's name
    maxStep: int | None = None,  # noqa: N803 - W&B's name
    samples: int | None = None,
) -> list[str]:
    return lines.sample(info.context.connection, history, owner.id, _samples(samples), *_within(minStep, maxStep))


@run.field("events")
def _events(
    owner: Run,
    info: Info,
    *,
    minStep: int | None = None,  # noqa: ARG001, N803 - events have no steps; W&B's name
    maxStep: int | None = None,  # noqa: ARG001, N803 - events have no steps; W&B's name
    samples: int | None = None,
) -> list[str]:
    return lines.sample(info.context.connection, events, owner.id, _samples(samples))


@run.field("sampledHistory")
def _sampled_history(owner: Run, info: Info, specs: list[str]) -> list[Any]:
    return [_sampled(owner, info, read_object(spec, "a spec of sampledHistory")) for spec in specs]


def _sampled(owner: Run, info: Info, spec: dict[str, Any]) -> list[dict[str, Any]]:
    keys = [key for key in spec.get("keys") or [] if isinstance(key, str)]
    if not keys:  # every agent asks so for every run of its sweep when it starts, and reads nothing of the answer
        return []
    having = [lines.json_field(history.c.data, key).is_not(None) for key in keys]
    samples = spec.get("samples")
    texts = lines.sample(
        info.context.connection,
        history,
        owner.id,
        _samples(samples if isinstance(samples, int) else None),
        *_within(spec.get("minStep"), spec.get("maxStep")),
        *having,
    )
    rows = [read_object(text, "a line of history") for text in texts]
    return [{key: row.get(key, _nested(row, key)) for key in keys} for row in rows]


@run.field("parquetHistory")
def _parquet_history(*_: Any, **__: Any) -> dict[str, Any]:
    """Nothing is exported to parquet here: the SDK then pages through `history`."""
    return {"parquetUrls": [], "liveData": []}


@run.field("historyTail")
def _history_tail(owner: Run, info: Info) -> str:
    return _tail(owner, info, history, owner.history_count)


@run.field("eventsTail")
def _events_tail(owner: Run, info: Info) -> str:
    return _tail(owner, info, events, owner.event_count)


@run.field("logLines")
def _log_lines(
    owner: Run,
    info: Info,
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    useImprovedPagination: bool | None = None,  # noqa: ARG001, N803 - there is one pagination only; W&B's name
) -> dict[str, Any]:
    limit = max(0, min(last if last is not None else (first or _MOST_LOG_LINES), _MOST_LOG_LINES))
    start = max(0, owner.log_count - limit) if last is not None else offset_of(after)
    found = lines.between(info.context.connection, log_lines, owner.id, start, start + limit)
    end = start + limit
    return {
        "edges": [{"node": _log_line(number, text), "cursor": str(number + 1)} for number, text in found],
        "pageInfo": {"hasNextPage": end < owner.log_count, "endCursor": str(min(end, owner.log_count))},
    }


def _log_line(number: int, text: str) -> dict[str, Any]:
    parts = _LOG_LINE.fullmatch(text)
    if parts is None:
        return {"number": number, "timestamp": None, "level": "", "label": "", "line": text}
    level = "error" if parts["level"] else ""
    return {
        "number": number,
        "timestamp": parts["time"],
        "level": level,
        "label": parts["label"] or "",
        "line": parts["text"],
    }


def _tail(owner: Run, info: Info, table: Any, count: int) -> str:
    found = lines.between(info.context.connection, table, owner.id, max(0, count - _TAIL), count)
    return write_json([text for _, text in found])


def _samples(asked: int | None) -> int:
    return max(1, min(asked or _DEFAULT_SAMPLES, _MOST_SAMPLES))


def _within(first: Any, last: Any) -> list[ColumnElement[bool]]:
    """Steps from `first` on and before `last`, the way W&B counts."""
    conditions: list[ColumnElement[bool]] = []
    first, last = (max(-_FARTHEST, min(each, _FARTHEST)) if isinstance(each, int) else None for each in (first, last))
    if isinstance(first, int):
        conditions.append(history.c.step >= first)
    if isinstance(last, int):
        conditions.append(history.c.step < last)
    return conditions


def _nested(row: dict[str, Any], key: str) -> Any:
    value: Any = row
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


BINDINGS = (run,)
