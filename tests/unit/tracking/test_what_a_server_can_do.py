"""Which features a server has is asked once in a while, and one that says nothing has none."""

from __future__ import annotations

import pytest

from unit.tracking.web_server import Reply
from wandbsweep.tracking import server_features
from wandbsweep.tracking.errors import KeyRejected, ServerFault
from wandbsweep.tracking.server_features import LOCAL_SCHEDULER


async def test_features_are_those_that_are_switched_on(tracker, account, wandb):
    wandb.features = {LOCAL_SCHEDULER: True, "FILESTREAM_GZIP": False}

    assert await tracker.features(account) == {LOCAL_SCHEDULER}


async def test_they_are_asked_once_in_a_while(tracker, account, wandb, server, monkeypatch):
    for _ in range(3):
        await tracker.features(account)
    asked_at_once = len(server.requests)
    monkeypatch.setattr(server_features, "_KEPT_SECONDS", 0.0)
    wandb.features = {LOCAL_SCHEDULER: True}

    assert await tracker.features(account) == {LOCAL_SCHEDULER}
    assert (asked_at_once, len(server.requests)) == (1, 2)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"serverInfo": None}},
        {"data": {"serverInfo": {"features": None}}},
        {"data": {"serverInfo": {"features": [None, {"name": "X"}]}}},
        {"errors": [{"message": 'Cannot query field "features" on type "ServerInfo".'}]},
    ],
)
async def test_a_server_that_does_not_know_the_question_has_none(tracker, account, server, answer):
    server.answer = lambda _: Reply.of(answer, status=400 if "errors" in answer else 200)

    assert await tracker.features(account) == frozenset()


async def test_an_answer_of_a_strange_kind_is_the_servers_fault(tracker, account, server):
    server.answer = lambda _: Reply.of({"data": {"serverInfo": {"features": "all"}}})

    with pytest.raises(ServerFault, match="features is not a list"):
        await tracker.features(account)


async def test_a_key_that_may_not_ask_is_told_so(tracker, account, server):
    server.answer = lambda _: Reply.of({"errors": [{"message": "permission denied"}]}, status=403)

    with pytest.raises(KeyRejected, match="permission denied"):
        await tracker.features(account)


async def test_the_embedded_server_tells_its_features(tracker, real_account):
    assert "SWEEPS_QUERY_FILTERING" in await tracker.features(real_account)
