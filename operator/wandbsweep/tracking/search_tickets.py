"""The tickets of a sweep's searches, of which the holder of the newest leads: runs of the project, outside the sweep.

A ticket is made by an insertion that W&B confirms to exactly one of all who try. What it says of itself is in its
config, and only its holder writes that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.tracking import search_documents as documents
from wandbsweep.tracking.answer_fields import a_text, an_object, an_object_or_none, nodes
from wandbsweep.tracking.errors import RequestRefused
from wandbsweep.tracking.run_values import json_mapping
from wandbsweep.tracking.sweep_changes import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.graphql_client import Answer, GraphQLClient
    from wandbsweep.tracking.protocol import Account

JOB_TYPE: Final = "wandbsweep-search"

_AHEAD = 8  # how many numbers beyond the newest that is listed are asked for by name: a listing may lag


@dataclass(frozen=True)
class Ticket:
    """A ticket as it stands on W&B.

    Attributes:
        node_id: as W&B's mutations name it.
        number: the higher, the newer; from 1.
        holder: who made it and for whom; empty until that was written.
        renewals: grows while its holder leads.
        released: its holder leads no more.
    """

    node_id: str
    number: int
    holder: str = ""
    renewals: int = 0
    released: bool = False


def ticket_name(path: SweepPath, number: int) -> str:
    """The ID of the run that is this ticket."""
    return f"{path.sweep_id}-search-{number}"


async def newest_tickets(client: GraphQLClient, account: Account, path: SweepPath) -> list[Ticket]:
    """The tickets that there are, the newest first."""
    filters = json.dumps({"$and": [{"group": path.sweep_id}, {"jobType": JOB_TYPE}]})
    listed = await client.ask(account, documents.LIST_TICKETS, {**_place(path), "filters": filters})
    runs = nodes(an_object(_project(account, listed, path), "runs"))
    tickets = {ticket.number: ticket for run in runs for ticket in _read(path, run)}
    while True:
        first = max(tickets, default=0) + 1
        newer = await tickets_by_number(client, account, path, range(first, first + _AHEAD))
        if not newer:
            return sorted(tickets.values(), key=lambda ticket: -ticket.number)
        tickets |= newer


async def tickets_by_number(
    client: GraphQLClient, account: Account, path: SweepPath, numbers: range | tuple[int, ...]
) -> dict[int, Ticket]:
    """Those of the tickets that there are, asked for by name: as things are at this moment."""
    names = {f"t{number}": ticket_name(path, number) for number in numbers}
    declarations = "".join(f", ${alias}: String!" for alias in names)
    selections = " ".join(f"{alias}: run(name: ${alias}) {{ id name config }}" for alias in names)
    text = (
        f"query SearchTickets($entity: String!, $project: String!{declarations}) "
        f"{{ project(name: $project, entityName: $entity) {{ {selections} }} }}"
    )
    answer = await client.ask(account, text, {**_place(path), **names})
    project = _project(account, answer, path)
    found = (an_object_or_none(project, alias) for alias in names)
    return {ticket.number: ticket for run in found if run is not None for ticket in _read(path, run)}


async def insert_ticket(client: GraphQLClient, account: Account, path: SweepPath, number: int) -> Ticket | None:
    """Make the ticket; None if somebody else made it first.

    Sent once: when the answer is lost, nobody holds the ticket, and it is passed over once it is old.
    """
    variables = {
        **_place(path),
        "run": ticket_name(path, number),
        "group": path.sweep_id,
        "jobType": JOB_TYPE,
    }
    answer = await client.send_once(account, documents.INSERT_TICKET, variables)
    if answer.problems:
        raise refusal(account, answer, f"note in its project who searches sweep {path}", path)
    made = an_object(answer.data, "upsertBucket")
    if made.get("inserted") is not True:
        return None
    return Ticket(a_text(an_object(made, "bucket"), "id"), number)


async def write_ticket(client: GraphQLClient, account: Account, path: SweepPath, ticket: Ticket) -> None:
    """Write what a ticket says of itself. Gone: RequestRefused or SweepMissing."""
    said = {"holder": ticket.holder, "renewals": ticket.renewals, "released": ticket.released}
    config = json.dumps({name: {"value": value} for name, value in said.items()})
    answer = await client.ask(account, documents.WRITE_TICKET, {"id": ticket.node_id, "config": config})
    if answer.problems:
        raise refusal(account, answer, f"renew who searches sweep {path}", path)


async def delete_ticket(client: GraphQLClient, account: Account, path: SweepPath, ticket: Ticket) -> None:
    """Remove a ticket that nobody needs. Gone: RequestRefused or SweepMissing."""
    answer = await client.ask(account, documents.DELETE_TICKET, {"id": ticket.node_id})
    if answer.problems:
        raise refusal(account, answer, f"remove who searched sweep {path}", path)


def _place(path: SweepPath) -> dict[str, Any]:
    return {"entity": path.entity, "project": path.project}


def _project(account: Account, answer: Answer, path: SweepPath) -> Mapping[str, Any]:
    if answer.problems and not answer.data.get("project"):
        raise refusal(account, answer, f"ask who searches sweep {path}", path)
    project = an_object_or_none(answer.data, "project")
    if project is None:
        raise RequestRefused(f"there is no project {path.entity}/{path.project}")
    return project


def _read(path: SweepPath, run: Mapping[str, Any]) -> Iterator[Ticket]:
    """The ticket that a run is; nothing for a run of another name."""
    name, beginning = a_text(run, "name"), ticket_name(path, 0)[:-1]
    number = name.removeprefix(beginning)
    if not name.startswith(beginning) or not number.isdecimal():
        return
    said = json_mapping(run.get("config"))
    values = {key: entry.get("value") for key, entry in said.items() if isinstance(entry, dict)}
    renewals = values.get("renewals")
    yield Ticket(
        node_id=a_text(run, "id"),
        number=int(number),
        holder=str(values.get("holder") or ""),
        renewals=renewals if isinstance(renewals, int) else 0,
        released=values.get("released") is True,
    )
