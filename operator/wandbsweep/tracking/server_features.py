"""Which optional parts of W&B's protocol a server has, asked once in a while: they change with its version."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from wandbsweep.tracking import documents
from wandbsweep.tracking.answer_fields import MalformedAnswerError, an_object_or_none
from wandbsweep.tracking.errors import KeyRejected
from wandbsweep.tracking.failures import server_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from wandbsweep.tracking.graphql_client import Answer, GraphQLClient
    from wandbsweep.tracking.protocol import Account

LOCAL_SCHEDULER: Final = "SWEEPS_LOCAL_SCHEDULER"
"""The feature of a server that takes runs from a search of one's own."""

_KEPT_SECONDS = 60.0  # whoever upgrades a server waits no longer than this
_KEPT_ACCOUNTS = 1000


class ServerFeatures:
    """The features of servers, by the account that asked."""

    def __init__(self, client: GraphQLClient) -> None:
        self._client = client
        self._known: dict[Account, tuple[float, frozenset[str]]] = {}

    async def of(self, account: Account) -> frozenset[str]:
        """The names of the features that are switched on; a server that does not know the question has none.

        Raises:
            MalformedAnswerError: a field is of the wrong kind.
        """
        now = asyncio.get_running_loop().time()
        if (known := self._known.get(account)) and now < known[0] + _KEPT_SECONDS:
            return known[1]
        features = _read(account, await self._client.ask(account, documents.SERVER_FEATURES, {}))
        if len(self._known) >= _KEPT_ACCOUNTS:
            self._known.clear()
        self._known[account] = (now, features)
        return features


def _read(account: Account, answer: Answer) -> frozenset[str]:
    if answer.status == HTTPStatus.FORBIDDEN:
        raise KeyRejected(
            f"{server_name(account)} does not tell this API key what it can do: {answer.complaint}; "
            "check the key in the Secret"
        )
    info = an_object_or_none(answer.data, "serverInfo") or {}
    listed = info.get("features") or []
    if not isinstance(listed, list):
        raise MalformedAnswerError("features is not a list")
    return frozenset(str(each["name"]) for each in listed if _is_on(each))


def _is_on(feature: Mapping[str, Any] | None) -> bool:
    return isinstance(feature, dict) and feature.get("isEnabled") is True and "name" in feature
