"""What each page shows, as plain values for its template."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wandbsweep.server import waiting
from wandbsweep.server.errors import NotFoundError
from wandbsweep.server.filters import run_order
from wandbsweep.server.json_text import read_json, read_object
from wandbsweep.server.search import metric_value
from wandbsweep.server.store import files, lines, projects, runs, sweeps
from wandbsweep.server.store.tables import log_lines
from wandbsweep.server.store.tables import projects as project_table
from wandbsweep.server.store.tables import runs as run_table
from wandbsweep.server.store.tables import sweeps as sweep_table
from wandbsweep.sweep.rendering.launch import TRIAL_NOTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from wandbsweep.server.store.projects import Project
    from wandbsweep.server.store.runs import Run
    from wandbsweep.server.store.sweeps import Sweep

_SWEEPS_PER_PAGE = 50
_RUNS_PER_PAGE = 200
_LOG_LINES = 200
_MOST_FILES = 200


@dataclass(frozen=True)
class SweepRow:
    """A sweep in the list of sweeps."""

    sweep: Sweep
    project: Project
    counts: Mapping[str, int]
    best: float | None

    @property
    def done(self) -> int:
        """Of those that count: what failed in a sweep with a scheduler was replaced."""
        ended = {state: number for state, number in self.counts.items() if state in runs.TERMINAL}
        return waiting.counted(self.sweep, ended)

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class RunRow:
    """A run in the list of a sweep's runs."""

    run: Run
    parameters: Mapping[str, str]
    metric: float | None


def sweep_list(connection: Connection, entity: str, *, project: str | None, offset: int) -> dict[str, Any]:
    """The sweeps of all projects or of one, newest first."""
    if project is not None and projects.find(connection, entity, project) is None:
        raise NotFoundError(f"project {entity}/{project} does not exist")
    owned = sweep_table.c.project_id.in_(
        project_table.select()
        .with_only_columns(project_table.c.id)
        .where(project_table.c.entity == entity, *([project_table.c.name == project] if project is not None else []))
    )
    found = sweeps.page(connection, owned, after=offset, first=_SWEEPS_PER_PAGE + 1)
    rows = [_sweep_row(connection, sweep) for sweep in found[:_SWEEPS_PER_PAGE]]
    following = offset + _SWEEPS_PER_PAGE if len(found) > _SWEEPS_PER_PAGE else None
    return {"rows": rows, "project": project, "next_offset": following}


def sweep_page(connection: Connection, entity: str, project: str, name: str, *, offset: int) -> dict[str, Any]:
    """One sweep with its runs, the best first where there is a metric."""
    owner, sweep = _sweep(connection, entity, project, name)
    direction = "-" if sweep.goal == "maximize" else "+"
    order = run_order(f"{direction}summary_metrics.{sweep.metric}") if _sortable(sweep) else []
    found = runs.page(connection, run_table.c.sweep_id == sweep.id, order=order, after=offset, first=_RUNS_PER_PAGE + 1)
    rows = [_run_row(run, sweep) for run in found[:_RUNS_PER_PAGE]]
    return {
        "sweep": sweep,
        "project": owner,
        "summary": _sweep_row(connection, sweep),
        "engine": _engine(sweep),
        "search_log": runs.find(connection, owner.id, sweep.controller_run),
        "rows": rows,
        "names": list(dict.fromkeys(name for row in rows for name in row.parameters)),
        "next_offset": offset + _RUNS_PER_PAGE if len(found) > _RUNS_PER_PAGE else None,
    }


def run_page(connection: Connection, entity: str, project: str, name: str) -> dict[str, Any]:
    """One run: what it was given, what it reached, and the end of its log."""
    owner = projects.find(connection, entity, project)
    run = runs.find(connection, owner.id, name) if owner else None
    if run is None:
        raise NotFoundError(f"run {entity}/{project}/{name} does not exist")
    tail = lines.between(connection, log_lines, run.id, max(0, run.log_count - _LOG_LINES), run.log_count)
    return {
        "run": run,
        "project": owner,
        "sweep": sweeps.get(connection, run.sweep_id) if run.sweep_id is not None else None,
        "config": _shown(read_object(run.config, "config"), wire=True),
        "result": _shown(read_object(run.summary, "summary"), wire=False),
        "log": [text for _, text in tail],
        "files": files.page(connection, run.id, names=[], pattern=None, after=0, first=_MOST_FILES),
    }


def number(value: float | None) -> str:
    """A metric, short enough for a table."""
    return "" if value is None else f"{value:.6g}"


def moment(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _sweep(connection: Connection, entity: str, project: str, name: str) -> tuple[Project, Sweep]:
    owner = projects.find(connection, entity, project)
    sweep = sweeps.find(connection, owner.id, name) if owner else None
    if owner is None or sweep is None:
        raise NotFoundError(f"sweep {entity}/{project}/{name} does not exist")
    return owner, sweep


def _sweep_row(connection: Connection, sweep: Sweep) -> SweepRow:
    return SweepRow(
        sweep,
        projects.get(connection, sweep.project_id),
        runs.count_by_state(connection, sweep.id),
        _best(connection, sweep),
    )


def _best(connection: Connection, sweep: Sweep) -> float | None:
    if not _sortable(sweep) or sweep.metric is None:
        return None
    order = run_order(("-" if sweep.goal == "maximize" else "+") + "summary_metrics." + sweep.metric)
    found = runs.page(connection, run_table.c.sweep_id == sweep.id, order=order, first=1)
    return metric_value(read_json(found[0].summary, "summary"), sweep.metric) if found else None


def _sortable(sweep: Sweep) -> bool:
    return sweep.metric is not None and '"' not in sweep.metric


def _run_row(run: Run, sweep: Sweep) -> RunRow:
    metric = metric_value(read_object(run.summary, "summary"), sweep.metric) if sweep.metric else None
    parameters = read_object(run.sampled or run.config, "parameters")
    parameters.pop(TRIAL_NOTE, None)
    return RunRow(run, _shown(parameters, wire=True), metric)


def _engine(sweep: Sweep) -> str | None:
    """The engine that the sweep's own scheduler searches with."""
    scheduler = read_object(sweep.definition, "definition").get("scheduler")
    return str(scheduler.get("engine") or "") or None if isinstance(scheduler, dict) else None


def _shown(values: Mapping[str, Any], *, wire: bool) -> dict[str, str]:
    """Names and values as text; W&B's own entries are left out."""
    shown = {}
    for name, each in sorted(values.items()):
        if name.startswith("_"):
            continue
        value = each.get("value") if wire and isinstance(each, dict) else each
        shown[name] = value if isinstance(value, str) else json.dumps(value)
    return shown
