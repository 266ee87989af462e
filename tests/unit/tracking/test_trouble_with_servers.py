"""Whatever a server does, a call ends in time with one line for the user, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import base64
import time
import traceback
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from unit.tracking.conftest import KEY
from unit.tracking.web_server import CUT, HANG, Reply, web_server
from wandbsweep.api.reasons import Reason
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking import errors
from wandbsweep.tracking.errors import (
    ConfigRejected,
    KeyRejected,
    NeverSent,
    RateLimited,
    ServerFault,
    TrackingError,
    Unreachable,
)
from wandbsweep.tracking.protocol import Account

PAGE = Reply(200, b"<html>welcome</html>", {"Content-Type": "text/html"})
SWEEP = SweepPath("lab", "anymal", "a")

CALLS = {
    "create": lambda tracker, account: tracker.create(account, entity="lab", project="p", config={"method": "random"}),
    "find": lambda tracker, account: tracker.find(account, entity="lab", project="p", marker="m"),
    "read": lambda tracker, account: tracker.read(account, [SWEEP]),
    "set_state": lambda tracker, account: tracker.set_state(account, SWEEP, "FINISHED"),
    "update": lambda tracker, account: tracker.update(account, SWEEP, {"method": "random"}),
    "agents": lambda tracker, account: tracker.agents(account, SWEEP),
    "tag_current_run": lambda tracker, account: tracker.tag_current_run(
        account, SWEEP, "pod", ["x:oom"], ended_before=datetime.now(timezone.utc)
    ),
    "resolve_entity": lambda tracker, account: tracker.resolve_entity(account),
}
TROUBLE = {
    "down": (None, "cannot be reached"),
    "hang": (HANG, "did not answer within 0.3 s"),
    "cut": (CUT, "closed the connection"),
    "not HTTP": (Reply(0, b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "did not answer in HTTP"),
    "cut in the middle": (Reply(0, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "closed the connection"),
    "500": (Reply(500, b"boom"), "failed with HTTP 500(;|$)"),
    "502 page": (Reply(502, b"<html>", {"Content-Type": "text/html"}), "failed with HTTP 502(;|$)"),
    "page": (PAGE, "not W&B's API"),
    "no JSON": (Reply(200, b'{"data": {"project": NaN}}'), "not W&B's API"),
    "a list": (Reply.of([1]), "not W&B's API"),
    "nothing": (Reply(200), "not W&B's API"),
    "deep": (Reply(200, b"[" * 100_000), "not W&B's API"),
    "errors": (Reply.of({"errors": [{"message": "shard\n down"}]}), "shard down"),
    "strange errors": (Reply.of({"errors": ["x"], "data": None}), "not W&B's API"),
    "strange data": (Reply.of({"data": {"project": [], "viewer": [], "s0": [], "upsertSweep": []}}), "unknown form"),
    "401": (Reply.of({"errors": [{"message": "no user"}]}, status=401), "does not accept the API key: no user"),
    "403": (Reply(403, b"no"), "does not let this API key in; check"),
    "404": (Reply(404, b"404 page not found"), "no W&B API there .HTTP 404.; check the base URL"),
    "redirect": (Reply(302, b"", {"Location": "https://u:p@login.lab/?k=1"}), "redirects to https://login.lab/; use"),
    "429": (Reply(429, b"", {"Retry-After": "90"}), "asks for fewer requests"),
    "echo": (Reply.of({"error": f"you sent {KEY}"}, status=500), r"you sent \*\*\*"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("trouble", TROUBLE)
async def test_every_trouble_is_one_line_in_time_and_never_holds_the_key(new_tracker, short_pauses, call, trouble):
    reply, words = TROUBLE[trouble]
    tracker = new_tracker(timeout_seconds=0.3 if reply is HANG else 10)
    async with web_server(lambda _: reply) as server:
        url = server.url if reply is not None else "http://127.0.0.1:1"
        started = time.monotonic()
        with pytest.raises(TrackingError, match=words) as caught:
            await CALLS[call](tracker, Account(url, KEY))
        took = time.monotonic() - started

    assert took < 9
    assert url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert Reason(caught.value.reason)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
    assert KEY not in shown
    assert base64.b64encode(f"api:{KEY}".encode()).decode() not in shown


def test_every_error_is_shown_as_a_reason_that_the_api_lists():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TrackingError)]

    assert len(kinds) >= 8
    assert all(Reason(kind.default_reason) for kind in kinds)


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [("down", NeverSent), ("hang", Unreachable), ("500", ServerFault), ("401", KeyRejected), ("429", RateLimited)],
)
async def test_troubles_are_told_apart(new_tracker, short_pauses, trouble, kind):
    tracker = new_tracker(timeout_seconds=0.3 if trouble == "hang" else 10)
    async with web_server(lambda _: TROUBLE[trouble][0]) as server:
        url = server.url if trouble != "down" else "http://127.0.0.1:1"
        with pytest.raises(kind):
            await tracker.read(Account(url, KEY), [SWEEP])


NEIGHBOURS = {
    "text": Reply(500, b"the neighbour's secret"),
    "refusal": Reply(403, b"the neighbour's secret", {"Content-Type": "text/plain"}),
    "not found": Reply(404, b'{"message": "the neighbour\'s secret"}', {"Content-Type": "application/json"}),
    "answer": Reply.of({"secret": "the neighbour's secret"}),
    "line": Reply(0, b"the neighbour's secret\r\n\r\n"),
    "header": Reply(302, b"", {"Location": "/?token=the neighbour's secret"}),
}


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
async def test_what_something_else_than_wandb_says_is_shown_to_nobody(new_tracker, short_pauses, neighbour):
    """The base URL is the user's choice: of what only the operator reaches, a user must not read the answers."""
    async with web_server(lambda _: NEIGHBOURS[neighbour]) as server:
        with pytest.raises(TrackingError) as caught:
            await new_tracker(timeout_seconds=10).resolve_entity(Account(server.url, KEY))

    assert "neighbour" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_the_key_does_not_follow_a_redirect(tracker, short_pauses, status):
    async with web_server(lambda _: Reply.of({"data": {"viewer": None}})) as elsewhere:
        there = f"{elsewhere.url}/graphql"
        async with web_server(lambda _: Reply(status, b"", {"Location": there})) as server:
            with pytest.raises(ServerFault, match="redirects to"):
                await tracker.resolve_entity(Account(server.url, KEY))
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "wandb.lab",
        "ftp://wandb.lab",
        "http://",
        "http://a:b@wandb.lab",
        "http://a:hunter2@[::1",
        "http://[::1",
        "http://wandb.lab/any/path?x=",
        "http://wandb.lab/any/path?",
        "http://wandb.lab/any/path#",
    ],
)
async def test_a_base_url_that_is_none_is_refused_before_anything_is_sent(tracker, url):
    with pytest.raises(NeverSent, match="base URL must be http") as caught:
        await tracker.resolve_entity(Account(url, KEY))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["", " \n"])
async def test_an_empty_key_is_refused_before_anything_is_sent(tracker, server, key):
    with pytest.raises(KeyRejected, match="empty"):
        await tracker.resolve_entity(Account(server.url, key))

    assert server.requests == []


async def test_a_null_viewer_means_that_the_key_is_not_known(tracker, account, server):
    server.answer = lambda _: Reply.of({"data": {"viewer": None}})

    with pytest.raises(KeyRejected, match="does not know the API key"):
        await tracker.resolve_entity(account)


@pytest.mark.parametrize("stumble", [CUT, Reply(503, b"busy", {"Retry-After": "0"}), Reply(429, b"")])
async def test_a_read_gets_over_a_short_stumble(tracker, short_pauses, server, wandb, stumble):
    replies = iter([stumble, stumble])
    server.answer = lambda request: next(replies, None) or wandb.answer(request)

    assert await tracker.resolve_entity(Account(server.url, KEY)) == "lab"

    assert len(server.requests) == 3


async def test_a_read_is_tried_three_times_and_no_more(tracker, short_pauses, account, server):
    server.answer = lambda _: Reply(500, b"boom")

    with pytest.raises(ServerFault):
        await tracker.resolve_entity(account)

    assert len(server.requests) == 3


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_server_that_asks_to_wait_long_is_obeyed_by_giving_up(tracker, account, server, call, form):
    moment = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=90), usegmt=True)
    server.answer = lambda _: Reply(429, b"", {"Retry-After": "90" if form == "seconds" else moment})

    with pytest.raises(RateLimited) as caught:
        await CALLS[call](tracker, account)

    assert 80 <= caught.value.retry_after_seconds <= 90
    assert len(server.requests) == 1


async def test_a_server_that_asks_to_wait_a_little_is_asked_again_not_sooner(tracker, account, server, wandb):
    replies = iter([Reply(429, b"", {"Retry-After": "1"})])
    server.answer = lambda request: next(replies, None) or wandb.answer(request)
    started = time.monotonic()

    assert await tracker.resolve_entity(account) == "lab"

    assert time.monotonic() - started >= 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("call", CALLS)
async def test_a_key_that_was_replaced_is_used_from_the_next_call_on(tracker, account, server, wandb, call):
    wandb.add(str(SWEEP), {"method": "random"})
    old = Account(server.url, "o" * 40)

    def knows_the_new_key(request):
        sent = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        if sent != f"api:{KEY}":
            return Reply.of({"errors": [{"message": "no user"}]}, status=401)
        return wandb.answer(request)

    server.answer = knows_the_new_key
    for given, fails in ((old, True), (account, False), (old, True), (account, False)):
        before = len(server.requests)
        if fails:
            with pytest.raises(KeyRejected):
                await CALLS[call](tracker, given)
            assert len(server.requests) == before + 1
        else:
            await CALLS[call](tracker, given)


async def test_two_accounts_at_once_use_their_own_keys_and_servers(tracker, wandb):
    def sets_a_cookie(request):
        answer = wandb.answer(request)
        return Reply(answer.status, answer.body, answer.headers | {"Set-Cookie": "session=alice; Path=/"})

    async with web_server(sets_a_cookie) as one, web_server(sets_a_cookie) as other:
        accounts = [Account(one.url, "alice" * 8), Account(one.url, "bobby" * 8), Account(other.url, "carol" * 8)]
        for _ in range(3):
            await asyncio.gather(*(tracker.resolve_entity(account) for account in accounts))

    def keys(server):
        headers = [request.headers["authorization"] for request in server.requests]
        return {base64.b64decode(header.removeprefix("Basic ")).decode() for header in headers}

    assert keys(one) == {"api:" + "alice" * 8, "api:" + "bobby" * 8}
    assert keys(other) == {"api:" + "carol" * 8}
    assert not any("cookie" in request.headers for request in one.requests + other.requests)


async def test_the_environment_and_netrc_are_not_asked_for_keys(tracker, server, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login api password from-netrc\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_API_KEY", "e" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")

    await tracker.resolve_entity(Account(server.url, KEY + "\n"))

    assert base64.b64decode(server.requests[0].headers["authorization"].split()[1]).decode() == f"api:{KEY}"


async def test_a_hung_server_holds_up_neither_the_loop_nor_other_accounts(new_tracker, account):
    tracker = new_tracker(timeout_seconds=5.0, requests_per_account=2)
    async with web_server(lambda _: HANG) as hung:
        stuck = [asyncio.create_task(tracker.resolve_entity(Account(hung.url, KEY))) for _ in range(50)]
        await hung.was_asked(times=2)
        await asyncio.gather(*(tracker.resolve_entity(account) for _ in range(20)))
        assert not any(task.done() for task in stuck)
        assert len(hung.requests) == 2
        results = await asyncio.gather(*stuck, return_exceptions=True)

    assert all(isinstance(result, Unreachable) for result in results)


async def test_closing_ends_what_is_under_way(tracker, account, server):
    server.answer = lambda _: HANG
    under_way = asyncio.create_task(tracker.resolve_entity(account))
    await server.was_asked()

    await tracker.close()
    await tracker.close()

    with pytest.raises(Unreachable):
        await under_way
    with pytest.raises(NeverSent, match="shutting down"):
        await tracker.resolve_entity(account)


async def test_a_sweep_that_is_no_plain_data_is_refused(tracker, account):
    with pytest.raises(ConfigRejected, match="cannot take"):
        await tracker.create(account, entity="lab", project="p", config={"parameters": {"x": {"value": {1, 2}}}})
