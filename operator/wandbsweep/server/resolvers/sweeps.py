"""Sweeps: create, change, delete, and what is told about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ariadne import MutationType, ObjectType

from wandbsweep.server import lifecycle, waiting
from wandbsweep.server.definitions import read_definition, stored_columns
from wandbsweep.server.errors import BadRequestError, ConflictError, NotFoundError, TooManyRunsError
from wandbsweep.server.filters import run_filter, run_order
from wandbsweep.server.json_text import read_json, write_json
from wandbsweep.server.resolvers.request import GraphQLRequest, connection_page, iso, node_id, number_of
from wandbsweep.server.search import metric_value
from wandbsweep.server.store import projects, runs, sweeps
from wandbsweep.server.store.tables import runs as run_table
from wandbsweep.server.tenancy import is_in

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wandbsweep.server.resolvers.request import Info
    from wandbsweep.server.store.projects import Project
    from wandbsweep.server.store.sweeps import Sweep

mutation = MutationType()
sweep = ObjectType("Sweep")


@mutation.field("upsertSweep")
def _upsert_sweep(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    search = request.server.search
    columns: dict[str, Any] = {}
    warnings: list[str] = []
    if (text := input.get("config")) is not None:
        definition = read_definition(text)
        columns = stored_columns(text, definition, search)
        warnings = search.violations(definition)
    elif input.get("id") is None:
        raise BadRequestError("upsertSweep needs a config to create a sweep, or the id of one that exists")
    with request.server.database.write() as connection:
        changed = _create(connection, request, input, columns) if input.get("id") is None else None
        changed = changed or _change(connection, request, input, columns)
    return {"sweep": changed, "configValidationWarnings": warnings}


@mutation.field("enqueueSweepRun")
def _enqueue_sweep_run(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    if not request.server.settings.local_scheduler:
        raise BadRequestError("runs cannot be enqueued on this server: its setting --local-scheduler is off")
    with request.server.database.write() as connection:
        found = find_sweep(connection, request, input["id"])
        try:
            run = waiting.enqueue(connection, found, input["config"], input.get("displayName"), now=request.now)
        except TooManyRunsError as error:
            raise ConflictError(str(error)) if request.somebody_waits else error from None
    return {"id": run.name, "runQueueItemId": None}


@mutation.field("deleteSweep")
def _delete_sweep(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    """The runs stay, as on W&B; agents are told that their sweep is gone."""
    request = info.context
    with request.server.database.write() as connection:
        sweeps.remove(connection, find_sweep(connection, request, input["id"]).id)
    return {"success": True}


def find_sweep(
    connection: Connection,
    request: GraphQLRequest,
    identity: str,
    *,
    entity: str | None = None,
    project: str | None = None,
) -> Sweep:
    """A sweep by its node id, or by its short id within a project."""
    number = number_of("Sweep", identity)
    found = sweeps.get(connection, number) if number is not None else None
    if found is not None and not is_in(connection, found.project_id, request.user):
        found = None
    if found is None and (owner := projects.find(connection, request.entity(entity), project)):
        found = sweeps.find(connection, owner.id, identity)
    if found is None:
        raise NotFoundError(f"sweep {identity!r} does not exist")
    return found


def _create(connection: Connection, request: GraphQLRequest, given: dict[str, Any], columns: dict[str, Any]) -> Sweep:
    entity = request.entity(given.get("entityName"))
    project, _ = projects.ensure(connection, entity, given.get("projectName"), now=request.now)
    definition = read_json(columns["definition"], "definition")
    columns["description"] = _text(given.get("description") or definition.get("description"))
    columns["display_name"] = _text(given.get("displayName") or definition.get("name"))
    columns["controller"] = given.get("controller")
    columns["scheduler"] = given.get("scheduler")
    columns["prior_runs"] = _prior_runs(connection, project, given.get("priorRunsFilters"))
    return sweeps.add(connection, project.id, columns, now=request.now)


def _change(connection: Connection, request: GraphQLRequest, given: dict[str, Any], columns: dict[str, Any]) -> Sweep:
    found = find_sweep(
        connection, request, given["id"], entity=given.get("entityName"), project=given.get("projectName")
    )
    if columns:
        columns |= {"exhausted": False, "error": None}
        definition = read_json(columns["definition"], "definition")
        columns["display_name"] = _text(definition.get("name")) or found.display_name
    given_texts = {"description": "description", "displayName": "display_name", "controller": "controller"}
    for name, column in (given_texts | {"scheduler": "scheduler"}).items():
        if given.get(name) is not None:
            columns[column] = given[name]
    if columns:
        sweeps.change(connection, found.id, **columns, updated_at=request.now)
        lifecycle.settle(connection, found.id, now=request.now)  # a lower run cap may have been reached already
    if (state := given.get("state")) is not None:
        lifecycle.set_sweep_state(connection, found, state, now=request.now)
    return sweeps.get(connection, found.id) or found


def _prior_runs(connection: Connection, project: Project, filters: str | None) -> str:
    """Names of earlier runs that the search should learn from; they do not count towards the sweep's own."""
    if not filters:
        return "[]"
    chosen = runs.page(connection, (run_table.c.project_id == project.id) & run_filter(filters))
    return write_json([run.name for run in chosen])


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


@sweep.field("id")
def _id(owner: Sweep, _: Info) -> str:
    return node_id("Sweep", owner.id)


@sweep.field("displayName")
def _display_name(owner: Sweep, _: Info) -> str | None:
    return owner.display_name


@sweep.field("controllerRunName")
def _controller_run_name(owner: Sweep, _: Info) -> str:
    return owner.controller_run


@sweep.field("createdAt")
def _created_at(owner: Sweep, _: Info) -> str | None:
    return iso(owner.created_at)


@sweep.field("updatedAt")
def _updated_at(owner: Sweep, _: Info) -> str | None:
    return iso(owner.updated_at)


@sweep.field("heartbeatAt")
def _heartbeat_at(owner: Sweep, _: Info) -> str | None:
    return iso(owner.heartbeat_at)


@sweep.field("earlyStopJobRunning")
def _early_stop(owner: Sweep, _: Info) -> bool:
    return owner.early_terminate


@sweep.field("bestLoss")
def _best_loss(owner: Sweep, info: Info) -> float | None:
    if owner.metric is None or '"' in owner.metric:
        return None
    order = run_order(("-" if owner.goal == "maximize" else "+") + "summary_metrics." + owner.metric)
    best = runs.page(info.context.connection, run_table.c.sweep_id == owner.id, order=order, first=1)
    return metric_value(read_json(best[0].summary, "summary"), owner.metric) if best else None


@sweep.field("runCount")
def _run_count(owner: Sweep, info: Info) -> int:
    return runs.count(info.context.connection, run_table.c.sweep_id == owner.id)


@sweep.field("runCountExpected")
def _run_count_expected(owner: Sweep, _: Info) -> int | None:
    return owner.expected_runs


@sweep.field("project")
def _project(owner: Sweep, info: Info) -> Project:
    return projects.get(info.context.connection, owner.project_id)


@sweep.field("runs")
def _runs(
    owner: Sweep,
    info: Info,
    *,
    filters: str | None = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    connection = info.context.connection
    chosen = (run_table.c.sweep_id == owner.id) & run_filter(filters)
    return connection_page(
        lambda offset, limit: runs.page(connection, chosen, order=run_order(order), after=offset, first=limit),
        after=after,
        first=first,
    )


BINDINGS = (mutation, sweep)
