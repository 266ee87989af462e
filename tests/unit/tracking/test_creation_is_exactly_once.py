"""A create whose answer is lost is told apart from one that was refused, and is never sent again by the tracker."""

from __future__ import annotations

import socket

import pytest

from unit.tracking.conftest import KEY
from unit.tracking.web_server import CUT, HANG, Reply
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.errors import (
    AmbiguousCreateError,
    ConfigRejected,
    KeyRejected,
    NeverSent,
    RateLimited,
    ServerFault,
    TrackingError,
)
from wandbsweep.tracking.protocol import Account

CONFIG = {"method": "random", "parameters": {"lr": {"min": 0.1, "max": 0.2}}, "description": "mine\n\nuid: 42"}


def creations(server):
    return [request for request in server.requests if "$config" in request.query]


async def test_a_created_sweep_has_its_path_and_its_page(tracker, account, wandb):
    created = await tracker.create(account, entity="lab", project="anymal", config=CONFIG)

    assert created.path == SweepPath("lab", "anymal", "sweep0")
    assert created.url == f"{account.base_url}/lab/anymal/sweeps/sweep0"
    assert wandb.sweeps["lab", "anymal", "sweep0"].description == "mine\n\nuid: 42"


async def test_without_an_entity_the_sweep_goes_to_the_default_entity_of_the_key(tracker, account):
    created = await tracker.create(account, entity=None, project="anymal", config=CONFIG)

    assert created.path.entity == "lab"


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        (CUT, "ServerUnreachable"),
        (HANG, "ServerUnreachable"),
        (Reply(500, b"boom"), "ServerError"),
        (Reply(504, b"<html>gateway</html>", {"Content-Type": "text/html"}), "ServerError"),
        (Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"}), "ServerError"),
        (Reply(200, b'{"data": {"upsertSw'), "ServerError"),
        (Reply.of({"data": {"upsertSweep": {"sweep": None}}}), "ServerError"),
    ],
    ids=["cut", "hang", "500", "504 page", "page", "half an answer", "no sweep in the answer"],
)
async def test_a_lost_answer_is_ambiguous_and_the_sweep_is_found_not_doubled(new_tracker, server, wandb, lost, reason):
    tracker = new_tracker(timeout_seconds=0.5 if lost is HANG else 10)
    account = Account(server.url, KEY)

    def commit_then_lose(request):
        answer = wandb.answer(request)
        return lost if "$config" in request.query else answer

    server.answer = commit_then_lose
    with pytest.raises(AmbiguousCreateError) as caught:
        await tracker.create(account, entity="lab", project="anymal", config=CONFIG)
    found = await tracker.find(account, entity="lab", project="anymal", marker="uid: 42")

    assert caught.value.reason == reason
    assert caught.value.retry_after_seconds >= 30  # a slow server may still be at it
    assert isinstance(caught.value.__cause__, TrackingError)
    assert len(creations(server)) == 1
    assert found is not None
    assert found.path == SweepPath("lab", "anymal", "sweep0")


async def test_a_connection_that_idled_is_not_used_for_a_creation(tracker, account, server):
    await tracker.resolve_entity(account)
    server.hang_up()

    await tracker.create(account, entity="lab", project="anymal", config=CONFIG)

    assert len(creations(server)) == 1


async def test_a_server_that_is_down_was_never_asked(tracker):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        account = Account(f"http://127.0.0.1:{closed.getsockname()[1]}", KEY)
        with pytest.raises(NeverSent, match="cannot be reached: Connect"):
            await tracker.create(account, entity="lab", project="anymal", config=CONFIG)


@pytest.mark.parametrize(
    ("reply", "refusal"),
    [
        (Reply.of({"errors": [{"message": "sweep is malformed"}]}), (ConfigRejected, "sweep is malformed")),
        (Reply.of({"errors": [{"message": "no entity"}], "data": None}, status=404), (ConfigRejected, "no entity")),
        (Reply.of({"errors": [{"message": "denied"}]}, status=403), (KeyRejected, "denied; check entity and project")),
        (Reply.of({"errors": [{"message": "who?"}]}, status=401), (KeyRejected, "does not accept the API key: who")),
    ],
    ids=["refused", "no entity", "403", "401"],
)
async def test_a_refused_creation_is_certain(tracker, account, server, reply, refusal):
    error, words = refusal
    server.answer = lambda _: reply

    with pytest.raises(error, match=words):
        await tracker.create(account, entity="lab", project="anymal", config=CONFIG)

    assert len(server.requests) == 1


async def test_too_many_requests_are_not_answered_with_another_creation(tracker, account, server):
    server.answer = lambda _: Reply.of({"error": "slow down"}, status=429, Retry_After="7")

    with pytest.raises(RateLimited, match="slow down") as caught:
        await tracker.create(account, entity="lab", project="anymal", config=CONFIG)

    assert len(server.requests) == 1
    assert caught.value.retry_after_seconds == 7


async def test_bounds_of_two_kinds_are_refused_before_anything_is_sent(tracker, account, server):
    config = {"method": "random", "parameters": {"lr": {"min": 0, "max": 0.5}}}

    with pytest.raises(ConfigRejected, match=r"parameters\.lr: min 0 and max 0\.5"):
        await tracker.create(account, entity="lab", project="anymal", config=config)

    assert server.requests == []


@pytest.mark.parametrize("marker", ["uid: 42", "uid: 7"])
async def test_a_sweep_is_found_on_a_later_page_by_description_or_config(tracker, account, wandb, marker):
    wandb.page_size = 2
    for number in range(5):
        wandb.add(f"lab/anymal/other{number}", {"method": "random"}, description="not mine")
    wandb.add("lab/anymal/described", {"method": "random"}, description="mine\n\nuid: 42")
    wandb.add("lab/anymal/configured", {"method": "random", "description": "uid: 7"})

    found = await tracker.find(account, entity=None, project="anymal", marker=marker)

    assert found is not None
    assert found.path.sweep_id == ("described" if marker == "uid: 42" else "configured")


@pytest.mark.parametrize(
    "text", ["uid: 42/3", "uid: 421", "my uid: 42", "see uid: 42", "uid: 42\\nmore", "uid", ""], ids=repr
)
@pytest.mark.parametrize("place", ["description", "config", "a parameter"])
async def test_a_marker_is_a_whole_line_of_a_description_and_nothing_less(tracker, account, wandb, text, place):
    written = {"method": "random"}
    if place == "a parameter":
        written["parameters"] = {"note": {"value": "uid: 42"}, "more": {"value": text}}
    elif place == "config":
        written["description"] = text
    wandb.add("lab/anymal/other", written, description=f"theirs\n\n{text}" if place == "description" else None)

    assert await tracker.find(account, entity="lab", project="anymal", marker="uid: 42") is None


@pytest.mark.parametrize("written", ["uid: 42", "mine\n\nuid: 42", "mine\r\nuid: 42  \r\nmore", " uid: 42\n"], ids=repr)
@pytest.mark.parametrize("in_config", [True, False])
async def test_a_marker_is_found_as_a_line_of_its_own(tracker, account, wandb, written, in_config):
    config = {"method": "random"} | ({"description": written} if in_config else {})
    wandb.add("lab/anymal/other", {"method": "random"}, description="uid: 42/3")
    wandb.add("lab/anymal/mine", config, description=None if in_config else written)

    found = await tracker.find(account, entity="lab", project="anymal", marker="uid: 42")

    assert found is not None
    assert found.path.sweep_id == "mine"


@pytest.mark.parametrize("project", ["anymal", "no-such-project"])
async def test_nothing_is_found_where_nothing_is(tracker, account, wandb, project):
    wandb.add("lab/anymal/other", {"method": "random"})

    assert await tracker.find(account, entity="lab", project=project, marker="uid: 42") is None


async def test_a_project_that_cannot_be_listed_is_an_error_not_an_absence(tracker, account, server):
    endless = {"edges": [], "pageInfo": {"hasNextPage": True, "endCursor": "same"}}
    server.answer = lambda _: Reply.of({"data": {"project": {"sweeps": endless}}})

    with pytest.raises(ServerFault, match="without an end"):
        await tracker.find(account, entity="lab", project="anymal", marker="uid: 42")
