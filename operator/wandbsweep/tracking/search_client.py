"""All that the search of one sweep may ask of its W&B server, for one account and one sweep."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wandbsweep.tracking import search_runs, search_tickets, sweep_changes
from wandbsweep.tracking.answer_fields import MalformedAnswerError
from wandbsweep.tracking.errors import ServerFault
from wandbsweep.tracking.failures import server_name
from wandbsweep.tracking.graphql_client import GraphQLClient
from wandbsweep.tracking.server_features import LOCAL_SCHEDULER, ServerFeatures

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.protocol import Account
    from wandbsweep.tracking.search_runs import RecordedRun, SearchLook
    from wandbsweep.tracking.search_tickets import Ticket


class SearchClient:
    """Made anywhere; used and closed on one event loop. Every call returns, or raises an error of this room."""

    def __init__(self, account: Account, path: SweepPath, *, timeout_seconds: float = 10.0) -> None:
        self.path = path
        self._account = account
        self._client = GraphQLClient(timeout_seconds=timeout_seconds, requests_per_account=8)
        self._features = ServerFeatures(self._client)

    async def can_be_searched(self) -> bool:
        """Whether the server takes runs from a search of one's own."""
        with self._strange_answers():
            return LOCAL_SCHEDULER in await self._features.of(self._account)

    async def look(self) -> SearchLook:
        """See search_runs.look."""
        with self._strange_answers():
            return await search_runs.look(self._client, self._account, self.path)

    async def read_runs(self, run_ids: Sequence[str]) -> dict[str, RecordedRun]:
        """See search_runs.read_runs."""
        with self._strange_answers():
            return await search_runs.read_runs(self._client, self._account, self.path, run_ids)

    async def read_all_runs(self) -> list[RecordedRun]:
        """See search_runs.read_all_runs."""
        with self._strange_answers():
            return await search_runs.read_all_runs(self._client, self._account, self.path)

    async def read_sweep(self) -> tuple[str, Mapping[str, Any]]:
        """See search_runs.read_sweep."""
        with self._strange_answers():
            return await search_runs.read_sweep(self._client, self._account, self.path)

    async def write_result(
        self, run_id: str, summary: Mapping[str, Any], tags_added: Collection[str], tags_removed: Collection[str]
    ) -> None:
        """See search_runs.write_result."""
        with self._strange_answers():
            await search_runs.write_result(
                self._client,
                self._account,
                self.path,
                run_id,
                summary,
                tags_added=tags_added,
                tags_removed=tags_removed,
            )

    async def finish_sweep(self) -> None:
        """End the sweep where it is not over: it has nothing more to try."""
        with self._strange_answers():
            await sweep_changes.set_state(self._client, self._account, self.path, "FINISHED")

    async def newest_tickets(self) -> list[Ticket]:
        """See search_tickets.newest_tickets."""
        with self._strange_answers():
            return await search_tickets.newest_tickets(self._client, self._account, self.path)

    async def ticket_exists(self, number: int) -> bool:
        """Whether there is a ticket of this number at this moment."""
        with self._strange_answers():
            return bool(await search_tickets.tickets_by_number(self._client, self._account, self.path, (number,)))

    async def insert_ticket(self, number: int) -> Ticket | None:
        """See search_tickets.insert_ticket."""
        with self._strange_answers():
            return await search_tickets.insert_ticket(self._client, self._account, self.path, number)

    async def write_ticket(self, ticket: Ticket) -> None:
        """See search_tickets.write_ticket."""
        with self._strange_answers():
            await search_tickets.write_ticket(self._client, self._account, self.path, ticket)

    async def delete_ticket(self, ticket: Ticket) -> None:
        """See search_tickets.delete_ticket."""
        with self._strange_answers():
            await search_tickets.delete_ticket(self._client, self._account, self.path, ticket)

    async def close(self) -> None:
        await self._client.close()

    @contextmanager
    def _strange_answers(self) -> Iterator[None]:
        try:
            yield
        except MalformedAnswerError as error:
            raise ServerFault(f"{server_name(self._account)} answered in an unknown form: {error}") from error
