"""Whatever is sent to the server, it answers in words: no failure of its own, and it goes on.

Generated with hypothesis from the server's own GraphQL schema and from its table of routes, with names and ids of
things that exist among the arguments, so that requests get past the first door. Sent over HTTP to a real server, whose
log is read too: a traceback there is a failure even where the client was told something else.
"""

from __future__ import annotations

import gzip
import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuzzing import Documents, fuzzed, json_text, keyed, scalars, texts, values
from probing import must_be_told, send
from tenants import PROJECT
from wandbsweep.server.graphql import build_schema

FIELDS = [
    "state",
    "name",
    "sweep",
    "tags",
    "createdAt",
    "config.x.value",
    "summary_metrics.loss",
    "heartbeatAt",
    "config.a",
]
OPERATORS = ["$eq", "$ne", "$gt", "$lt", "$in", "$nin", "$exists", "$regex", "$and", "$or", "$nor", "$not"]
filters = st.recursive(
    st.one_of(
        keyed(FIELDS, scalars), keyed(FIELDS, keyed(OPERATORS, st.one_of(scalars, st.lists(scalars, max_size=3))))
    ),
    lambda inner: keyed(["$and", "$or", "$nor"], st.lists(inner, max_size=3)) | keyed(["$not"], inner),
    max_leaves=6,
)
PARAMETERS = ["value", "values", "min", "max", "mu", "sigma", "q", "distribution", "probabilities", "parameters"]
definitions = st.fixed_dictionaries(
    {"method": st.one_of(st.sampled_from(["grid", "random", "bayes", "custom"]), values)},
    optional={
        "metric": st.one_of(st.just({"name": "loss", "goal": "minimize"}), values),
        "parameters": st.one_of(keyed(["x", "y", "a.b"], keyed(PARAMETERS)), values),
        "run_cap": scalars,
        "early_terminate": st.one_of(st.just({"type": "hyperband", "min_iter": 1}), values),
        "scheduler": values,
        "name": values,
        "description": values,
    },
)
lines = st.lists(st.one_of(texts, keyed(["_step", "loss", "_runtime"]).map(json_text)), max_size=3)
chunks = st.fixed_dictionaries({}, optional={"offset": scalars, "content": st.one_of(lines, values)})
FILES = ["wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log"]
streams = st.fixed_dictionaries(
    {},
    optional={
        "files": st.one_of(keyed(FILES, chunks), values),
        "complete": scalars,
        "exitcode": scalars,
        "preempting": scalars,
        "dropped": values,
    },
)


@pytest.fixture(scope="module")
def documents(alpha, belongings):
    names = [belongings.run, belongings.run_id, belongings.sweep["name"], belongings.sweep["id"], PROJECT, "alpha"]
    names += [belongings.agent["id"], belongings.file["id"]]
    jsons = st.one_of(filters.map(json_text), values.map(json_text), definitions.map(json_text), texts)
    return Documents(build_schema(), names, jsons)


def ask(client, query, variables=None):
    status, body = send(client, "POST", "/graphql", json.dumps({"query": query, "variables": variables or {}}))
    must_be_told(status, body)
    return status, json.loads(body)


@fuzzed
@given(st.data())
def test_any_operation_of_the_schema_is_answered(alpha, documents, data):
    ask(alpha, data.draw(documents.operations()))


@fuzzed
@given(filters, st.sampled_from(["", "+", "-"]), st.one_of(st.sampled_from(FIELDS), texts))
@example({"tags": {"$in": [10**400]}}, "", "name")
@example({"config.x.value": 2**64}, "-", "summary_metrics.loss")
@example({"state": {"$regex": "(?P<a>.)"}}, "", "name")
@example({"createdAt": 1e400}, "", "name")
def test_any_filter_and_order_is_answered(alpha, belongings, chosen, direction, field):
    query = """query($p: String, $f: JSONString, $o: String) { project(name: $p) { runCount(filters: $f)
      runs(filters: $f, order: $o) { edges { node { id } } } sweeps(filters: $f) { edges { node { id } } } } }"""
    ask(alpha, query, {"p": PROJECT, "f": json_text(chosen), "o": direction + field})


@fuzzed
@given(st.one_of(values, st.fixed_dictionaries({"query": texts, "variables": values, "operationName": values})))
def test_any_json_is_answered(alpha, body):
    must_be_told(*send(alpha, "POST", "/graphql", json_text(body)))


@fuzzed
@given(st.binary(max_size=200), st.sampled_from([None, "gzip", "br", "identity"]), st.booleans())
def test_any_bytes_are_answered(alpha, belongings, body, encoding, packed):
    content = gzip.compress(body) if packed else body
    headers = {"Content-Encoding": encoding} if encoding else {}
    for path in ("/graphql", f"/files/alpha/{PROJECT}/{belongings.run}/file_stream"):
        must_be_told(*send(alpha, "POST", path, content, headers))


@fuzzed
@given(streams)
@example({"complete": True, "exitcode": 10**30})
@example({"files": {"wandb-history.jsonl": {"content": ['{"_step": 1e400, "loss": 1e400}']}}})
@example({"files": {"wandb-summary.json": {"content": ["[]"]}}})
@example({"files": {"wandb-summary.json": {"content": ['"\\ud800"']}}})
@example({"files": {"wandb-events.jsonl": {"content": ['{"system.a": 1e400}']}}})
def test_any_stream_is_answered_and_what_it_left_can_be_read(alpha, belongings, body):
    path = f"/files/alpha/{PROJECT}/{belongings.run}/file_stream"
    must_be_told(*send(alpha, "POST", path, json_text(body)))
    query = """query($p: String, $r: String!) { project(name: $p) { run(name: $r) { state exitcode config summaryMetrics
      systemMetrics historyKeys historyTail eventsTail history events heartbeatAt
      sampledHistory(specs: ["{\\"keys\\": [\\"loss\\"]}"]) logLines { edges { node { line timestamp } } }
      sweep { bestLoss runCountExpected } } } }"""
    assert ask(alpha, query, {"p": PROJECT, "r": belongings.run})[0] == 200
    must_be_told(*send(alpha, "GET", f"/alpha/{PROJECT}/runs/{belongings.run}"))
    must_be_told(*send(alpha, "GET", f"/alpha/{PROJECT}/sweeps/{belongings.sweep['name']}"))


@fuzzed
@given(definitions, values, values)
@example({"method": "grid", "run_cap": 2**40}, {}, {})
@example({"method": "grid", "metric": {"name": 'a"b'}}, {}, {})
@example({"method": "bayes", "metric": {"name": "loss"}, "parameters": {"x": {"min": 0, "max": 1e400}}}, {}, {})
def test_any_definition_becomes_a_sweep_or_is_refused_and_its_agents_are_answered(alpha, definition, config, state):
    create = """mutation($c: String) { upsertSweep(input: {config: $c, projectName: "fuzzed"}) {
      sweep { id name runCountExpected bestLoss method } configValidationWarnings } }"""
    status, answer = ask(alpha, create, {"c": json_text(definition)})
    if status != 200:
        return
    sweep = answer["data"]["upsertSweep"]["sweep"]
    agent = 'mutation($s: String!) { createAgent(input: {host: "h", sweep: $s}) { agent { id } } }'
    status, answer = ask(alpha, agent, {"s": sweep["id"]})
    assert status == 200
    beat = "mutation($a: ID!, $r: JSONString) { agentHeartbeat(input: {id: $a, runState: $r}) { commands } }"
    identity = answer["data"]["createAgent"]["agent"]["id"]
    ask(alpha, beat, {"a": identity, "r": "{}"})
    ask(alpha, beat, {"a": identity, "r": json_text(state)})
    ask(
        alpha,
        "mutation($s: ID!, $c: JSONString!) { enqueueSweepRun(input: {id: $s, config: $c}) { id } }",
        {"s": sweep["id"], "c": json_text(config)},
    )
    for path in ("/", "/alpha/fuzzed", f"/alpha/fuzzed/sweeps/{sweep['name']}"):
        must_be_told(*send(alpha, "GET", path))


@fuzzed
@given(st.lists(texts, max_size=5), st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]), texts)
def test_any_address_is_answered(alpha, parts, method, query):
    text = "/".join(quote(part.encode("utf-8", "surrogatepass"), safe="./") for part in parts)
    offset = quote(query.encode("utf-8", "surrogatepass"))
    for path in (f"/{text}", f"/files/alpha/{PROJECT}/{text}", f"/storage/{text}", f"/alpha/{PROJECT}/runs/{text}"):
        must_be_told(*send(alpha, method, f"{path}?offset={offset}&expires={offset}&signature={offset}"))


@fuzzed
@given(texts)
@example("a/../../b")
@example("\x7f")
def test_a_file_of_any_name_stays_in_its_place_or_is_refused(alpha, belongings, name):
    query = """mutation($r: String!, $n: [String!]!) { createRunFiles(input: {projectName: "shared-name", runName: $r,
      files: $n}) { files { name uploadUrl } } }"""
    status, answer = ask(alpha, query, {"r": belongings.run, "n": [name]})
    if status != 200:
        return
    (upload,) = answer["data"]["createRunFiles"]["files"]
    path = upload["uploadUrl"].removeprefix(alpha.server.url)
    status, _ = send(alpha, "PUT", path, b"content")
    assert status == 200
    outside = {each for each in alpha.server.folder.rglob("*") if each.is_file()}
    files = alpha.server.folder / "data" / "files"
    assert all(each.is_relative_to(files) for each in outside if each.read_bytes() == b"content")
    must_be_told(*send(alpha, "GET", path))


@fuzzed
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z-]{1,20}", fullmatch=True),
        st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=40),
        max_size=5,
    )
)
def test_any_headers_are_answered(alpha, headers):
    sent = {
        name: value for name, value in headers.items() if name.lower() not in ("content-length", "transfer-encoding")
    }
    must_be_told(*send(alpha, "POST", "/graphql", b'{"query": "{ viewer { id } }"}', sent))
