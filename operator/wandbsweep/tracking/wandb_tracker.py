"""The tracker of sweeps on real W&B servers, the embedded one included.

All of its requests are GraphQL queries and mutations of our own, with the fields that the SDK uses. The SDK itself is
not called, because it cannot be held to one attempt: upon any failure its creation of a sweep (0.31.0) goes on to the
next of five forms of the mutation, so that a server which commits and then drops the connection was seen to receive ten
creations from one call, the SDK's own retries being switched off. It also starts a process of its own and puts entity
and project into the environment, where the next account would find them. Instead of calling the SDK at run time, a test
holds what is sent here against what the SDK sends.
"""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking import documents, links, sweep_agents, sweep_changes
from wandbsweep.tracking.answer_fields import MalformedAnswerError, a_text, an_object, an_object_or_none
from wandbsweep.tracking.config_text import config_text
from wandbsweep.tracking.errors import (
    AmbiguousCreateError,
    ConfigRejected,
    KeyRejected,
    NeverSent,
    ServerFault,
    TrackingError,
    Unreachable,
)
from wandbsweep.tracking.failures import one_line, server_name
from wandbsweep.tracking.graphql_client import Answer, GraphQLClient
from wandbsweep.tracking.protocol import Account, AgentView, CreatedSweep, RunTags, SettableState, SweepReading
from wandbsweep.tracking.server_features import ServerFeatures
from wandbsweep.tracking.sweep_reader import SweepReader
from wandbsweep.tracking.sweep_search import find_sweep

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from wandbsweep.tracking.request_budget import RequestBudget

_SETTLING_SECONDS = 30.0
"""A creation that was given up may still be under way at the server; to look it up sooner could miss it."""


class WandbTracker:
    """A SweepTracker over GraphQL. Made anywhere; used and closed on one event loop.

    Args:
        timeout_seconds: after so long a request is given up, its retries included.
        requests_per_account: how many requests of one account may be under way; others wait, within their time-out.
        app_urls: the address of the web pages of a server by its base URL, where it is not what W&B's rules make of it.
        run_tags: the tags of runs that readings count.
    """

    def __init__(
        self,
        *,
        timeout_seconds: float = 30.0,
        requests_per_account: int = 8,
        app_urls: Mapping[str, str] | None = None,
        run_tags: RunTags | None = None,
    ) -> None:
        self._client = GraphQLClient(timeout_seconds=timeout_seconds, requests_per_account=requests_per_account)
        self._app_urls = {base.rstrip("/"): app.rstrip("/") for base, app in (app_urls or {}).items()}
        self._run_tags = run_tags or RunTags()
        self._reader = SweepReader(self._client, self._app_url, self._run_tags)
        self._features = ServerFeatures(self._client)

    @property
    def budget(self) -> RequestBudget:
        """The requests of all accounts."""
        return self._client.budget

    async def create(
        self,
        account: Account,
        *,
        entity: str | None,
        project: str,
        config: Mapping[str, Any],
    ) -> CreatedSweep:
        variables = {
            "config": config_text(config),
            "description": config.get("description"),
            "entityName": entity or await self.resolve_entity(account),
            "projectName": project,
        }
        try:
            answer = await self._client.send_once(account, documents.CREATE_SWEEP, variables)
            if answer.problems and not answer.data.get("upsertSweep"):
                raise _create_refused(account, answer, variables)
            return self._created(account, answer)
        except NeverSent:
            raise
        except (Unreachable, ServerFault) as error:
            raise AmbiguousCreateError(
                f"{error}; whether the sweep was created is not known, it will be looked up before another attempt",
                reason=error.reason,
                retry_after_seconds=max(error.retry_after_seconds or 0.0, _SETTLING_SECONDS),
            ) from error

    async def find(
        self,
        account: Account,
        *,
        entity: str | None,
        project: str,
        marker: str,
    ) -> CreatedSweep | None:
        owner = entity or await self.resolve_entity(account)
        with _strange_answers_blamed_on(account):
            sweep_id = await find_sweep(self._client, account, entity=owner, project=project, marker=marker)
        if sweep_id is None:
            return None
        path = SweepPath(owner, project, sweep_id)
        return CreatedSweep(path, links.sweep_url(self._app_url(account.base_url), path), warnings=())

    async def read(self, account: Account, paths: Sequence[SweepPath]) -> Mapping[SweepPath, SweepReading | None]:
        return await self._reader.read(account, paths)

    async def set_state(self, account: Account, path: SweepPath, state: SettableState, *, revive: bool = False) -> None:
        with _strange_answers_blamed_on(account):
            await sweep_changes.set_state(self._client, account, path, state, revive=revive)

    async def update(self, account: Account, path: SweepPath, config: Mapping[str, Any]) -> None:
        with _strange_answers_blamed_on(account):
            await sweep_changes.update(self._client, account, path, config)

    async def agents(
        self, account: Account, path: SweepPath, *, hosts: Collection[str] | None = None
    ) -> tuple[AgentView, ...]:
        with _strange_answers_blamed_on(account):
            return await sweep_agents.read_agents(self._client, account, path, hosts)

    async def tag_current_run(
        self, account: Account, path: SweepPath, host: str, tags: Sequence[str], *, ended_before: datetime
    ) -> str | None:
        with _strange_answers_blamed_on(account):
            return await sweep_agents.tag_current_run(
                self._client, account, path, host, tags, ended_before=ended_before, ending=self._run_tags.ending
            )

    async def resolve_entity(self, account: Account) -> str:
        answer = await self._client.ask(account, documents.VIEWER, {})
        if answer.problems and not answer.data.get("viewer"):
            kind = KeyRejected if answer.status == HTTPStatus.FORBIDDEN else ServerFault
            raise kind(f"{server_name(account)} does not say whose the API key is: {answer.complaint}")
        with _strange_answers_blamed_on(account):
            viewer = an_object_or_none(answer.data, "viewer")
            if viewer is None:
                raise KeyRejected(f"{server_name(account)} does not know the API key; check the key in the Secret")
            return a_text(viewer, "entity")

    async def features(self, account: Account) -> frozenset[str]:
        with _strange_answers_blamed_on(account):
            return await self._features.of(account)

    async def close(self) -> None:
        await self._client.close()

    def _app_url(self, base_url: str) -> str:
        return self._app_urls.get(base_url.rstrip("/")) or links.app_url(base_url)

    def _created(self, account: Account, answer: Answer) -> CreatedSweep:
        with _strange_answers_blamed_on(account):
            result = an_object(answer.data, "upsertSweep")
            sweep = an_object(result, "sweep")
            project = an_object(sweep, "project")
            path = SweepPath(
                a_text(an_object(project, "entity"), "name"), a_text(project, "name"), a_text(sweep, "name")
            )
        warnings = result.get("configValidationWarnings")
        notes = tuple(one_line(account, str(note)) for note in warnings) if isinstance(warnings, list) else ()
        return CreatedSweep(path, links.sweep_url(self._app_url(account.base_url), path), notes)


@contextmanager
def _strange_answers_blamed_on(account: Account) -> Iterator[None]:
    try:
        yield
    except MalformedAnswerError as error:
        raise ServerFault(f"{server_name(account)} answered in an unknown form: {error}") from error


def _create_refused(account: Account, answer: Answer, variables: Mapping[str, Any]) -> TrackingError:
    server, place = server_name(account), f"{variables['entityName']}/{variables['projectName']}"
    if answer.status == HTTPStatus.FORBIDDEN:
        return KeyRejected(
            f"{server} does not let this API key create a sweep in {place}: {answer.complaint}; "
            "check entity and project, and the key in the Secret"
        )
    return ConfigRejected(f"{server} refused to create the sweep in {place}: {answer.complaint}")
