"""Sweeps as they are stored, and the few changes they go through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from wandbsweep.server.store.names import new_name
from wandbsweep.server.store.tables import sweeps

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, UnaryExpression

PENDING, RUNNING, PAUSED = "PENDING", "RUNNING", "PAUSED"
FINISHED, CANCELED, CRASHED = "FINISHED", "CANCELED", "CRASHED"
STATES = (PENDING, RUNNING, PAUSED, FINISHED, CANCELED, CRASHED)
HANDING_OUT = (PENDING, RUNNING)
OVER = (FINISHED, CANCELED, CRASHED)


@dataclass(frozen=True)
class Sweep:
    """A row of `sweeps`."""

    id: int
    project_id: int
    name: str
    display_name: str | None
    description: str | None
    config: str
    definition: str
    method: str
    metric: str | None
    goal: str
    run_cap: int | None
    grid_size: int | None
    early_terminate: bool
    state: str
    exhausted: bool
    error: str | None
    controller: str | None
    scheduler: str | None
    controller_run: str
    searched_elsewhere: bool
    prior_runs: str
    created_at: float
    updated_at: float
    heartbeat_at: float | None

    @property
    def expected_runs(self) -> int | None:
        """How many runs the sweep will have when it is through; none where it never ends by itself."""
        bounds = [bound for bound in (self.run_cap, self.grid_size) if bound is not None]
        return min(bounds) if bounds else None


def add(connection: Connection, project_id: int, values: dict[str, Any], *, now: float) -> Sweep:
    fresh = {
        "name": new_name(),
        "controller_run": new_name(),
        "state": PENDING,
        "exhausted": False,
        "created_at": now,
        "updated_at": now,
    }
    statement = insert(sweeps).values(project_id=project_id, **fresh, **values)
    return Sweep(**connection.execute(statement.returning(*sweeps.c)).mappings().one())


def get(connection: Connection, sweep_id: int) -> Sweep | None:
    row = connection.execute(select(sweeps).where(sweeps.c.id == sweep_id)).mappings().one_or_none()
    return Sweep(**row) if row else None


def find(connection: Connection, project_id: int, name: str) -> Sweep | None:
    row = (
        connection.execute(select(sweeps).where(sweeps.c.project_id == project_id, sweeps.c.name == name))
        .mappings()
        .one_or_none()
    )
    return Sweep(**row) if row else None


def of_controller(connection: Connection, project_id: int, run_name: str) -> int | None:
    """The sweep to whose scheduler a run belongs as its log; none for any other run."""
    chosen = select(sweeps.c.id).where(sweeps.c.project_id == project_id, sweeps.c.controller_run == run_name)
    return connection.execute(chosen.limit(1)).scalar_one_or_none()


def change(connection: Connection, sweep_id: int, **values: Any) -> None:
    connection.execute(update(sweeps).where(sweeps.c.id == sweep_id).values(**values))


def remove(connection: Connection, sweep_id: int) -> None:
    connection.execute(delete(sweeps).where(sweeps.c.id == sweep_id))


def page(
    connection: Connection,
    condition: ColumnElement[bool],
    *,
    order: UnaryExpression[Any] | None = None,
    after: int = 0,
    first: int | None = None,
) -> list[Sweep]:
    """Sweeps under a condition, newest first unless told otherwise."""
    ordering = sweeps.c.id.desc() if order is None else order
    query = select(sweeps).where(condition).order_by(ordering, sweeps.c.id.desc()).offset(after)
    rows = connection.execute(query.limit(first) if first is not None else query)
    return [Sweep(**row) for row in rows.mappings()]


def count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(sweeps).where(condition)).scalar_one()
