"""Runs: create, change, stop, delete, and what is told about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ariadne import MutationType, ObjectType

from wandbsweep.server import lifecycle, recording
from wandbsweep.server.errors import NotFoundError
from wandbsweep.server.json_text import read_object, write_json
from wandbsweep.server.resolvers.request import GraphQLRequest, iso, node_id, number_of
from wandbsweep.server.store import projects, runs, sweeps
from wandbsweep.server.tenancy import is_in

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wandbsweep.server.resolvers.request import Info
    from wandbsweep.server.store.keys import User
    from wandbsweep.server.store.projects import Project
    from wandbsweep.server.store.runs import Run
    from wandbsweep.server.store.sweeps import Sweep

# What W&B's scheduler asks under these names it also stops asking for once a run's state says that it has ended.
_SCHEDULER_READS = ("SweepWatchedRuns", "SweepRunsWithHistory")

mutation = MutationType()
run = ObjectType("Run")


@mutation.field("upsertBucket")
def _upsert_bucket(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    with request.server.database.write() as connection:
        if input.get("id"):
            found = find_run(connection, request, input["id"])
            changed, inserted = recording.change(connection, found, input, now=request.now), False
        else:
            entity = request.entity(input.get("entityName"))
            changed, inserted = recording.record(connection, entity, input, now=request.now)
    return {"bucket": changed, "inserted": inserted}


@mutation.field("stopRun")
def _stop_run(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    with request.server.database.write() as connection:
        lifecycle.request_stop(connection, find_run(connection, request, input["id"]), now=request.now)
    return {"success": True}


@mutation.field("deleteRun")
def _delete_run(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    with request.server.database.write() as connection:
        found = find_run(connection, request, input["id"])
        runs.remove(connection, found.id)
        if found.sweep_id is not None:  # what it tried may be tried again
            sweeps.change(connection, found.sweep_id, exhausted=False)
    return {"success": True}


def find_run(connection: Connection, request: GraphQLRequest, identity: str) -> Run:
    number = number_of("Run", identity)
    found = runs.get(connection, number) if number is not None else None
    if found is None or not is_in(connection, found.project_id, request.user):
        raise NotFoundError(f"run {identity!r} does not exist")
    return found


def find_named_run(connection: Connection, request: GraphQLRequest, given: dict[str, Any]) -> Run:
    """The run that an input names by entity, project and run id."""
    project = projects.find(connection, request.entity(given.get("entityName")), given.get("projectName"))
    found = runs.find(connection, project.id, given["runName"]) if project else None
    if found is None:
        raise NotFoundError(f"run {given.get('projectName')}/{given['runName']} does not exist")
    return found


@run.field("id")
def _id(owner: Run, _: Info) -> str:
    return node_id("Run", owner.id)


@run.field("projectId")
def _project_id(owner: Run, _: Info) -> int:
    return owner.project_id


@run.field("project")
def _project(owner: Run, info: Info) -> Project:
    return projects.get(info.context.connection, owner.project_id)


@run.field("sweep")
def _sweep(owner: Run, info: Info) -> Sweep | None:
    return sweeps.get(info.context.connection, owner.sweep_id) if owner.sweep_id is not None else None


@run.field("sweepName")
def _sweep_name(owner: Run, info: Info) -> str | None:
    found = _sweep(owner, info)
    return found.name if found else None


@run.field("tags")
def _tags(owner: Run, _: Info) -> list[str]:
    return list(read_object('{"tags":' + owner.tags + "}", "tags")["tags"])


@run.field("state")
def _state(owner: Run, info: Info) -> str:
    """W&B's scheduler forgets a run that is preempted; this one is only between two agents."""
    operation = info.operation.name.value if info.operation.name else ""
    return runs.PREEMPTING if owner.state == runs.PREEMPTED and operation in _SCHEDULER_READS else owner.state


@run.field("readOnly")
def _read_only(*_: Any) -> bool:
    return False


@run.field("user")
def _user(_: Run, info: Info) -> User:
    return info.context.user


@run.field("createdAt")
def _created_at(owner: Run, _: Info) -> str | None:
    return iso(owner.created_at)


@run.field("updatedAt")
def _updated_at(owner: Run, _: Info) -> str | None:
    return iso(owner.updated_at)


@run.field("heartbeatAt")
def _heartbeat_at(owner: Run, _: Info) -> str | None:
    return iso(owner.heartbeat_at or owner.created_at)


@run.field("shouldStop")
@run.field("stopped")
def _should_stop(owner: Run, _: Info) -> bool:
    return owner.stop_requested_at is not None


@run.field("failed")
def _failed(owner: Run, _: Info) -> bool:
    return owner.state in (runs.FAILED, runs.CRASHED)


@run.field("running")
def _running(owner: Run, _: Info) -> bool:
    return owner.state in (runs.RUNNING, runs.PREEMPTING)


@run.field("wandbConfig")
def _wandb_config(owner: Run, _: Info, keys: list[str] | None = None) -> str:
    """The SDK takes a run for started, and resumes it, if there is a `t` here; a run that waits has none."""
    recorded = read_object(owner.config, "config").get("_wandb")
    recorded = recorded.get("value") if isinstance(recorded, dict) else None
    if not isinstance(recorded, dict):
        return "{}"
    return write_json(recorded if keys is None else {key: recorded[key] for key in keys if key in recorded})


for _field, _column in {
    "displayName": "display_name",
    "group": "group_name",
    "jobType": "job_type",
    "summaryMetrics": "summary",
    "systemMetrics": "system_metrics",
    "historyLineCount": "history_count",
    "eventsLineCount": "event_count",
    "logLineCount": "log_count",
}.items():
    run.set_alias(_field, _column)

BINDINGS = (mutation, run)
