"""What a run says about itself outside of its stream: that it begins, its config, its names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wandbsweep.server import lifecycle
from wandbsweep.server.errors import BadRequestError, NotFoundError
from wandbsweep.server.json_text import object_text, strict_json, write_json
from wandbsweep.server.store import projects, runs, sweeps
from wandbsweep.server.store.names import new_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from wandbsweep.server.store.projects import Project
    from wandbsweep.server.store.runs import Run

# Input fields that are kept as they come.
_TEXTS = {
    "groupName": "group_name",
    "jobType": "job_type",
    "description": "description",
    "displayName": "display_name",
    "notes": "notes",
    "commit": "commit",
    "host": "host",
    "jobProgram": "program",
}
# A run that begins says on which host or for which sweep; later messages about the same run do not.
_BEGINS = ("host", "sweep", "jobProgram")
_LONGEST_NAME = 128


def record(connection: Connection, entity: str, given: Mapping[str, Any], *, now: float) -> tuple[Run, bool]:
    """Creates the run or changes it; whether it was created."""
    project, _ = projects.ensure(connection, entity, given.get("modelName"), now=now)
    name = given.get("name") or new_name()
    run = runs.find(connection, project.id, name)
    if run is not None:
        return change(connection, run, given, now=now), False
    if len(name) > _LONGEST_NAME or "/" in name or not name.isprintable():
        raise BadRequestError(f"run id {name!r} is not allowed: use at most {_LONGEST_NAME} characters without /")
    state = given.get("state") or runs.RUNNING
    if state not in (runs.PENDING, runs.RUNNING):
        raise BadRequestError(f"a run cannot begin in state {state!r}: use pending or running")
    columns = _columns(given)
    columns.setdefault("display_name", name)
    sweep_id = _sweep_id(connection, project, given.get("sweep"))
    run = runs.add(
        connection,
        project.id,
        name,
        now=now,
        state=state,
        sweep_id=sweep_id,
        streamed_at=now if state == runs.RUNNING else None,
        **columns,
    )
    return run, True


def change(connection: Connection, run: Run, given: Mapping[str, Any], *, now: float) -> Run:
    """Applies a message about a run. Only one that begins it may set the state: the SDK repeats the others at will."""
    columns = _columns(given)
    begins = any(given.get(name) for name in _BEGINS)
    if begins and lifecycle.is_replaced(connection, run) and not _sweep_is_over(connection, run):
        columns["stop_requested_at"] = now
    elif begins:
        # The machine of a run may have to go while the run begins; whoever takes it then starts from pending.
        state = runs.PREEMPTING if run.state == runs.PREEMPTING and run.agent_id is not None else runs.RUNNING
        columns |= {"state": state, "exitcode": None, "streamed_at": now}
    elif run.state == runs.RUNNING:
        columns["streamed_at"] = now
    runs.change(connection, run.id, **columns, updated_at=now)
    return runs.get(connection, run.id) or run


def _sweep_is_over(connection: Connection, run: Run) -> bool:
    """Then somebody has a reason to run it again."""
    sweep = sweeps.get(connection, run.sweep_id) if run.sweep_id is not None else None
    return sweep is None or sweep.state in sweeps.OVER


def _columns(given: Mapping[str, Any]) -> dict[str, Any]:
    columns = {column: given[name] for name, column in _TEXTS.items() if given.get(name) is not None}
    if given.get("tags") is not None:
        columns["tags"] = strict_json(write_json(given["tags"]), "tags")
    if given.get("config") is not None:
        columns["config"] = object_text(given["config"], "config")
    if given.get("summaryMetrics") is not None:
        columns["summary"] = object_text(given["summaryMetrics"], "summaryMetrics")
    return columns


def _sweep_id(connection: Connection, project: Project, name: str | None) -> int | None:
    if not name:
        return None
    sweep = sweeps.find(connection, project.id, name)
    if sweep is None:
        raise NotFoundError(f"sweep {project.entity}/{project.name}/{name} does not exist")
    return sweep.id
