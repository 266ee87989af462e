"""The stream of a running run: history, system metrics, summary, console log, and its last word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wandbsweep.server import lifecycle
from wandbsweep.server.errors import BadRequestError, NotFoundError
from wandbsweep.server.json_text import clean_text, object_text, read_json, read_object, strict_json, write_json
from wandbsweep.server.search import metric_value
from wandbsweep.server.store import lines, projects, runs, sweeps
from wandbsweep.server.store.tables import events, history, log_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from wandbsweep.server.context import Server
    from wandbsweep.server.store.runs import Run

_KINDS = {bool: "other", int: "number", float: "number", str: "string", dict: "map", list: "list", type(None): "nil"}
_LARGEST_STEP = 2**53
_MOST_LINES = _LARGEST_EXIT_CODE = 2**31 - 1  # as GraphQL counts


@dataclass(frozen=True)
class Chunk:
    """Lines of one streamed file, beginning at a line number."""

    offset: int
    lines: list[str]


def receive(server: Server, entity: str, project: str, run_name: str, text: bytes) -> dict[str, Any]:
    """Stores one request of the stream and answers whether the run should stop."""
    body = read_object(text or b"{}", "the file stream")
    files = body.get("files") or {}
    if not isinstance(files, dict):
        raise BadRequestError("files of the stream must be an object of {offset: number, content: [line, ...]}")
    chunks = {name: _read_chunk(name, each) for name, each in files.items()}
    now = server.now()
    with server.database.write() as connection:
        run = _find(connection, entity, project, run_name)
        changes = _store(connection, run, chunks)
        replaced = lifecycle.is_replaced(connection, run)
        if not replaced:
            changes |= _new_state(connection, run, preempting=bool(body.get("preempting")))
        runs.change(connection, run.id, streamed_at=now, **changes)
        if body.get("complete") and not replaced:
            run = runs.get(connection, run.id) or run
            lifecycle.end_run(connection, run, _exitcode(body.get("exitcode")), now=now)
        stopped = replaced or run.stop_requested_at is not None
    return {"exitcode": None, "limits": {}, "stopped": stopped}


def find_run(server: Server, entity: str, project: str, run_name: str) -> Run:
    """The run that a path names."""
    with server.database.read() as connection:
        return _find(connection, entity, project, run_name)


def _find(connection: Connection, entity: str, project: str, run_name: str) -> Run:
    owner = projects.find(connection, entity, project)
    run = runs.find(connection, owner.id, run_name) if owner else None
    if run is None:
        raise NotFoundError(f"run {entity}/{project}/{run_name} does not exist")
    return run


def _new_state(connection: Connection, run: Run, *, preempting: bool) -> dict[str, Any]:
    if preempting:
        return lifecycle.preempting(connection, run)
    # A run that was given up for its silence speaks again.
    return {"state": runs.RUNNING} if run.state in (runs.PENDING, runs.CRASHED) else {}


def _read_chunk(name: str, chunk: Any) -> Chunk:
    offset = chunk.get("offset", 0) if isinstance(chunk, dict) else None
    content = chunk.get("content", []) if isinstance(chunk, dict) else None
    if not isinstance(offset, int) or not isinstance(content, list) or not _are_lines(offset, content):
        raise BadRequestError(f"file {name} of the stream must be {{offset: number, content: [line, ...]}}")
    return Chunk(offset, [clean_text(line) for line in content])


def _are_lines(offset: int, content: list[Any]) -> bool:
    return 0 <= offset <= _MOST_LINES - len(content) and all(isinstance(line, str) for line in content)


def _store(connection: Connection, run: Run, chunks: Mapping[str, Chunk]) -> dict[str, Any]:
    """Writes the lines and returns what they change about the run itself."""
    changes: dict[str, Any] = {}
    for name, chunk in chunks.items():
        if not chunk.lines:
            continue
        if name == "wandb-history.jsonl":
            changes |= _store_history(connection, run, chunk)
        elif name == "wandb-events.jsonl":
            changes |= _store_events(connection, run, chunk)
        elif name == "wandb-summary.json":
            changes["summary"] = object_text(chunk.lines[-1], "the summary")
        elif name == "output.log":
            changes["log_count"] = _store_log(connection, run, chunk)
    return changes


def _store_history(connection: Connection, run: Run, chunk: Chunk) -> dict[str, Any]:
    known = run.history_count
    keys = read_object(run.history_keys, "history keys")
    last_step, low, high = run.last_step, run.metric_min, run.metric_max
    texts = [strict_json(line, "a line of history") for line in chunk.lines]
    if chunk.offset == 0 and known and lines.at(connection, history, run.id, 0) != texts[0]:
        # The same run id began anew without resuming: what the former process wrote is not part of this one.
        lines.clear(connection, history, run.id)
        known, keys, last_step, low, high = 0, {}, -1, None, None
    sweep = sweeps.get(connection, run.sweep_id) if run.sweep_id is not None else None
    metric = sweep.metric if sweep else None
    rows = []
    for number, text in enumerate(texts, start=chunk.offset):
        row = read_object(text, "a line of history")
        step = row.get("_step")
        step = step if isinstance(step, int) and abs(step) < _LARGEST_STEP else number
        rows.append({"line": number, "step": step, "data": text})
        last_step = max(last_step, step)
        if number >= known:
            _count_keys(keys, row)
        value = metric_value(row, metric) if metric else None
        if value is not None:
            low = value if low is None else min(low, value)
            high = value if high is None else max(high, value)
    lines.put(connection, history, run.id, rows)
    return {
        "history_count": max(known, chunk.offset + len(texts)),
        "history_keys": write_json(keys),
        "last_step": last_step,
        "metric_min": low,
        "metric_max": high,
    }


def _store_log(connection: Connection, run: Run, chunk: Chunk) -> int:
    """How many lines the log has now."""
    known = run.log_count
    began = lines.at(connection, log_lines, run.id, 0) if chunk.offset == 0 and known else None
    if began not in (None, chunk.lines[0]) and sweeps.of_controller(connection, run.project_id, run.name):
        # A scheduler was started again, and numbers its lines anew: what the former one wrote is no part of this log.
        lines.clear(connection, log_lines, run.id)
        known = 0
    rows = [{"line": chunk.offset + index, "data": line} for index, line in enumerate(chunk.lines)]
    lines.put(connection, log_lines, run.id, rows)
    return max(known, chunk.offset + len(chunk.lines))


def _store_events(connection: Connection, run: Run, chunk: Chunk) -> dict[str, Any]:
    texts = [strict_json(line, "a line of events") for line in chunk.lines]
    rows = [{"line": chunk.offset + index, "data": text} for index, text in enumerate(texts)]
    lines.put(connection, events, run.id, rows)
    latest = read_object(run.system_metrics, "system metrics")
    for text in texts:
        row = read_json(text, "a line of events")
        if isinstance(row, dict):
            latest |= {key: value for key, value in row.items() if key.startswith("system.")}
    count = max(run.event_count, chunk.offset + len(texts))
    return {"event_count": count, "system_metrics": write_json(latest)}


def _count_keys(keys: dict[str, Any], row: Mapping[str, Any]) -> None:
    """Which types the values of each key have had, as `historyKeys` reports it."""
    for key, value in row.items():
        counts = keys.setdefault(key, {})
        kind = _KINDS.get(type(value), "other")
        counts[kind] = counts.get(kind, 0) + 1


def _exitcode(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) <= _LARGEST_EXIT_CODE else 1
