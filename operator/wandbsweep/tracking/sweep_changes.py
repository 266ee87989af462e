"""Changes a sweep that exists: its state and its config.

Each change looks first and then says what is wanted, so that to repeat it does nothing more. The look is repeated with
it: what somebody else did to the sweep in the meantime stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wandbsweep.tracking import documents
from wandbsweep.tracking.answer_fields import a_text, an_object_or_none
from wandbsweep.tracking.config_text import config_text, parse_config
from wandbsweep.tracking.errors import ConfigRejected, KeyRejected, RequestRefused, SweepMissing, TrackingError
from wandbsweep.tracking.failures import server_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.graphql_client import Answer, GraphQLClient
    from wandbsweep.tracking.protocol import Account, SettableState

_GOING_ON = {"PENDING", "RUNNING", "PAUSED"}
"""States of a sweep that is not over; in any other the SDK, too, changes nothing."""

_FINISHED = "FINISHED"
"""The one end from which a sweep can be taken up again; one that was cancelled or crashed stays as it is."""


@dataclass(frozen=True)
class _Present:
    """A sweep as it is before a change."""

    node_id: str
    state: str
    config: str


async def set_state(
    client: GraphQLClient, account: Account, path: SweepPath, state: SettableState, *, revive: bool = False
) -> None:
    """See SweepTracker."""
    changeable = {*_GOING_ON, _FINISHED} if revive else _GOING_ON

    async def act(deadline: float) -> Answer | None:
        present = await _look(client, account, path, deadline)
        if present.state == state or present.state not in changeable:
            return None
        change = _of(path, present) | {"state": state}
        return await client.send(account, documents.SET_SWEEP_STATE, change, deadline, fresh_connection=True)

    answer = await client.insist(act)
    if answer is not None and answer.problems:
        raise refusal(account, answer, f"change sweep {path}", path)


async def update(client: GraphQLClient, account: Account, path: SweepPath, config: Mapping[str, Any]) -> None:
    """See SweepTracker."""
    text = config_text(config)
    wanted = {"config": text, "description": config.get("description")}

    async def act(deadline: float) -> Answer | None:
        present = await _look(client, account, path, deadline)
        if present.state not in _GOING_ON or _meaning(present.config) == _meaning(text):
            return None
        change = _of(path, present) | wanted
        return await client.send(account, documents.UPDATE_SWEEP, change, deadline, fresh_connection=True)

    answer = await client.insist(act)
    if answer is None or not answer.problems:
        return
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
        raise refusal(account, answer, f"change sweep {path}", path)
    raise ConfigRejected(f"{server_name(account)} refused the new config of sweep {path}: {answer.complaint}")


def refusal(account: Account, answer: Answer, what: str, path: SweepPath) -> TrackingError:
    """The error for a request about a sweep that was understood and refused."""
    text = f"{server_name(account)} refused to {what}: {answer.complaint}"
    if answer.status == HTTPStatus.NOT_FOUND:
        return SweepMissing(f"{text}; is {path} still there?")
    if answer.status == HTTPStatus.FORBIDDEN:
        return KeyRejected(f"{text}; check entity and project, and the key in the Secret")
    return RequestRefused(text)


def sweep_of(account: Account, answer: Answer, what: str, path: SweepPath) -> Mapping[str, Any]:
    """The sweep in the answer to a query for it.

    Raises:
        MalformedAnswerError: a field is missing or of the wrong kind.
    """
    if answer.problems:
        raise refusal(account, answer, what, path)
    project = an_object_or_none(answer.data, "project")
    sweep = an_object_or_none(project, "sweep") if project is not None else None
    if sweep is None:
        raise SweepMissing(f"{server_name(account)} has no sweep {path}")
    return sweep


def in_place(path: SweepPath) -> dict[str, Any]:
    """The variables of a query for a sweep."""
    return {"entity": path.entity, "project": path.project, "sweep": path.sweep_id}


async def _look(client: GraphQLClient, account: Account, path: SweepPath, deadline: float) -> _Present:
    answer = await client.send(account, documents.LOOK_AT_SWEEP, in_place(path), deadline)
    sweep = sweep_of(account, answer, f"change sweep {path}", path)
    return _Present(a_text(sweep, "id"), a_text(sweep, "state").upper(), a_text(sweep, "config"))


def _meaning(text: str) -> str:
    """A config without the way it is written; a whole number is no other one, and true is not 1."""
    return json.dumps(parse_config(text), sort_keys=True, default=str)


def _of(path: SweepPath, present: _Present) -> dict[str, Any]:
    return {"id": present.node_id, "entityName": path.entity, "projectName": path.project}
