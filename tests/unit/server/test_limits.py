"""How much one client may send or ask for: beyond it there is an answer in words, and nobody else notices."""

from __future__ import annotations

import gzip
import http.client
import json
import socket

import pytest

from wandbsweep.server.bodies import LARGEST_BODY
from wandbsweep.server.errors import BadRequestError
from wandbsweep.server.resolvers.request import GraphQLRequest


def send(server, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        sent = {"Authorization": f"Bearer {server.api_key}", **(headers or {})}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


PATHS = ["/graphql", "/files/wandbsweep/p/r/file_stream"]
PACKED = gzip.compress(b"{}")


@pytest.mark.parametrize("path", PATHS)
def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(server, path):
    bomb = gzip.compress(b" " * (LARGEST_BODY + 1))
    status, answer = send(server, "POST", path, bomb, {"Content-Encoding": "gzip"})
    assert status == 413
    assert b"unpacks to more than" in answer


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(PACKED[:-1], id="cut off"),
        pytest.param(PACKED * 2, id="twice"),
        pytest.param(PACKED + b"x", id="more behind it"),
    ],
)
def test_a_body_that_is_cut_off_or_goes_on_after_its_end_is_refused(server, path, body):
    status, answer = send(server, "POST", path, body, {"Content-Encoding": "gzip"})
    assert status == 400
    assert b"cut off" in answer


@pytest.mark.parametrize("path", PATHS)
def test_a_body_without_an_end_is_refused_at_the_limit(server, path):
    """Nothing is held beyond the limit: the answer comes while the client is still sending."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.api_key}\r\n"
        connection.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
        chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
        try:
            for _ in range(LARGEST_BODY // 2**20 + 2):
                connection.sendall(chunk)
        except (ConnectionResetError, BrokenPipeError):
            return
        assert connection.recv(64).startswith(b"HTTP/1.1 413")


def test_nothing_of_a_body_is_read_before_the_key_is_known(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(
    "headers", [{"X-Long": "x" * 200_000}, {f"X-{index}": "x" * 500 for index in range(95)} | {"Y": "y" * 60_000}]
)
def test_headers_beyond_the_limit_are_refused(server, headers):
    try:
        status, _ = send(server, "POST", "/graphql", b"{}", headers)
    except (ConnectionResetError, BrokenPipeError):
        return
    assert status in (400, 431)


def test_a_document_of_too_many_words_is_refused_at_once(server):
    query = "{ " + " ".join(f"a{index}: viewer {{ id }}" for index in range(20_000)) + " }"
    status, answer = server.post("/graphql", {"query": query})
    assert status == 400
    assert "tokens" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    "query",
    [
        "{ models { edges { node { " + "sweeps { edges { node { project { " * 90 + "id" + " } } } }" * 90 + " } } } }",
        "query { ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "{ models(first: 1) " + "{ edges" * 400 + " }" * 400 + " }",
    ],
)
def test_a_document_without_an_end_in_sight_is_answered(lab, query):
    lab.create({"method": "random", "parameters": {"x": {"value": 1}}})
    status, _ = lab.server.post("/graphql", {"query": query})
    assert status in (200, 400)


def test_a_query_that_asks_for_ever_more_is_ended(server, monkeypatch):
    request = GraphQLRequest(server=None, user=None, base_url="")
    monkeypatch.setattr("wandbsweep.server.resolvers.request.time.monotonic", lambda: 1e12)
    with pytest.raises(BadRequestError, match="ask for less at once"):
        _ = request.connection


@pytest.mark.parametrize(
    "content",
    [["[" * 200 + "]" * 200], ['{"a":' * 500 + "1" + "}" * 500], ["[" * 100_000]],
)
def test_a_line_that_is_nested_without_end_is_refused(lab, content):
    sweep = lab.create({"method": "random", "parameters": {"x": {"value": 1}}})
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    body = {"files": {"wandb-history.jsonl": {"offset": 0, "content": content}}}
    path = f"/files/{lab.server.entity}/{lab.project}/{run}/file_stream"
    status, answer = lab.server.post(path, body)
    assert status == 400
    assert "nested" in answer["error"] or "JSON" in answer["error"]


@pytest.mark.parametrize("offset", [2**31, 2**53, -1, 1e3])
def test_a_line_number_beyond_all_numbers_is_refused(lab, offset):
    run = "r"
    lab.start(run)
    body = {"files": {"output.log": {"offset": offset, "content": ["x"]}}}
    path = f"/files/{lab.server.entity}/{lab.project}/{run}/file_stream"
    assert lab.server.post(path, body)[0] == 400


def test_what_no_json_knows_is_kept_as_null_however_it_is_spelt(lab):
    run = "r"
    lab.start(run)
    row = '{"_step": 0, "a": NaN, "b": 1e400, "c": -1e999, "d": "\\ud800\\u0000", "e": 1.5}'
    lab.stream(run, {"files": {"wandb-history.jsonl": {"offset": 0, "content": [row]}}})
    query = 'query($p: String) { project(name: $p) { run(name: "r") { history } } }'
    (line,) = lab.server.graphql(query, {"p": lab.project})["project"]["run"]["history"]
    assert json.loads(line) == {"_step": 0, "a": None, "b": None, "c": None, "d": "\ufffd\ufffd", "e": 1.5}


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(?:a*)*b", "a*a*a*a*b", "((a{1,9}){1,9}){1,9}", "a{99999999999}"]
)
def test_a_pattern_that_would_never_end_is_refused(lab, pattern):
    lab.start("a" * 30)
    query = "query($p: String, $f: JSONString) { project(name: $p) { runCount(filters: $f) } }"
    variables = {"p": lab.project, "f": json.dumps({"name": {"$regex": pattern}})}
    status, answer = lab.server.post("/graphql", {"query": query, "variables": variables})
    assert status == 400
    assert "$regex" in answer["errors"][0]["message"]
