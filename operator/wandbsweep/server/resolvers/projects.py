"""Projects and what is listed in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ariadne import MutationType, ObjectType, QueryType

from wandbsweep.server.errors import NotFoundError
from wandbsweep.server.filters import run_filter, run_order, sweep_filter
from wandbsweep.server.resolvers.request import connection_page, iso, node_id
from wandbsweep.server.resolvers.viewer import entity_named
from wandbsweep.server.store import projects, runs, sweeps
from wandbsweep.server.store.tables import sweeps as sweep_table

if TYPE_CHECKING:
    from wandbsweep.server.resolvers.request import Info
    from wandbsweep.server.store.keys import User
    from wandbsweep.server.store.projects import Project
    from wandbsweep.server.store.runs import Run
    from wandbsweep.server.store.sweeps import Sweep

query = QueryType()
mutation = MutationType()
project = ObjectType("Project")


@query.field("project")
@query.field("model")
def _project(
    _: Any,
    info: Info,
    name: str | None = None,
    entityName: str | None = None,  # noqa: N803 - W&B's names
) -> Project | None:
    request = info.context
    if entityName and entityName != request.user.entity:
        return None
    return projects.find(request.connection, request.user.entity, name)


@query.field("models")
def _models(
    _: Any,
    info: Info,
    *,
    entityName: str | None = None,  # noqa: N803 - W&B's name
    after: str | None = None,
    first: int | None = 50,
) -> dict[str, Any]:
    request = info.context
    entity = request.entity(entityName)
    return connection_page(
        lambda offset, limit: projects.page(request.connection, entity, after=offset, first=limit),
        after=after,
        first=first,
    )


@mutation.field("upsertModel")
def _upsert_model(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    entity = request.entity(input.get("entityName"))
    with request.server.database.write() as connection:
        made, inserted = projects.ensure(connection, entity, input.get("name"), now=request.now)
    return {"project": made, "model": made, "inserted": inserted}


@project.field("id")
def _id(owner: Project, _: Info) -> str:
    return node_id("Project", owner.id)


@project.field("internalId")
def _internal_id(owner: Project, _: Info) -> int:
    return owner.id


@project.field("entityName")
def _entity_name(owner: Project, _: Info) -> str:
    return owner.entity


@project.field("entity")
def _entity(owner: Project, _: Info) -> dict[str, Any]:
    return entity_named(owner.entity)


@project.field("createdAt")
def _created_at(owner: Project, _: Info) -> str | None:
    return iso(owner.created_at)


@project.field("isBenchmark")
@project.field("readOnly")
def _never(*_: Any) -> bool:
    return False


@project.field("access")
def _access(*_: Any) -> str:
    return "PRIVATE"


@project.field("user")
def _user(_: Project, info: Info) -> User:
    return info.context.user


@project.field("runCount")
def _run_count(owner: Project, info: Info, filters: str | None = None) -> int:
    return runs.count(info.context.connection, runs.of_project(owner.id) & run_filter(filters))


@project.field("runs")
def _runs(
    owner: Project,
    info: Info,
    *,
    filters: str | None = None,
    after: str | None = None,
    first: int | None = 50,
    order: str | None = None,
) -> dict[str, Any]:
    connection = info.context.connection
    chosen = runs.of_project(owner.id) & run_filter(filters)
    return connection_page(
        lambda offset, limit: runs.page(connection, chosen, order=run_order(order), after=offset, first=limit),
        after=after,
        first=first,
    )


@project.field("run")
def _run(owner: Project, info: Info, name: str) -> Run | None:
    return runs.find(info.context.connection, owner.id, name)


@project.field("bucket")
def _bucket(owner: Project, info: Info, name: str, missingOk: bool = False) -> Run | None:  # noqa: N803 - W&B's name
    run = runs.find(info.context.connection, owner.id, name)
    if run is None and not missingOk:
        raise NotFoundError(f"run {owner.entity}/{owner.name}/{name} does not exist")
    return run


@project.field("totalSweeps")
def _total_sweeps(owner: Project, info: Info) -> int:
    return sweeps.count(info.context.connection, sweep_table.c.project_id == owner.id)


@project.field("sweeps")
def _sweeps(
    owner: Project,
    info: Info,
    *,
    filters: str | None = None,
    after: str | None = None,
    first: int | None = 50,
) -> dict[str, Any]:
    connection = info.context.connection
    chosen = (sweep_table.c.project_id == owner.id) & sweep_filter(filters)
    return connection_page(
        lambda offset, limit: sweeps.page(connection, chosen, after=offset, first=limit), after=after, first=first
    )


@project.field("sweep")
def _sweep(owner: Project, info: Info, sweepName: str) -> Sweep | None:  # noqa: N803 - W&B's name
    return sweeps.find(info.context.connection, owner.id, sweepName)


BINDINGS = (query, mutation, project)
