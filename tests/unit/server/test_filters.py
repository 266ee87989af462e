"""Filters, orders and counts as wandb.Api and the operator ask for them."""

from __future__ import annotations

import json

import pytest

RUNS = """query($p: String, $f: JSONString, $o: String, $after: String, $first: Int) { project(name: $p) {
  runCount(filters: $f) runs(filters: $f, order: $o, after: $after, first: $first) {
    edges { node { name } cursor } pageInfo { endCursor hasNextPage } } } }"""
TAG = """mutation($p: String, $r: String, $t: [String!]) {
  upsertBucket(input: {modelName: $p, name: $r, tags: $t}) { inserted } }"""


@pytest.fixture(scope="module")
def runs(server, new_lab):
    lab = new_lab(server)
    rows = {
        "a": (
            {"lr": {"value": 0.1}, "env.num": {"value": 4096}, "net": {"value": {"width": 64}}},
            {"loss": 0.5, "eval": {"r": 1}},
        ),
        "b": (
            {"lr": {"value": 0.01}, "env.num": {"value": 128}, "task": {"value": "anymal"}},
            {"loss": 0.25, "eval.r": 2},
        ),
        "c": ({"lr": {"value": "auto"}, "flag": {"value": True}}, {"loss": None}),
        "d": ({}, {}),
    }
    for name, (config, summary) in rows.items():
        lab.start(name, config=config)
        lab.stream(name, {"files": {"wandb-summary.json": {"offset": 0, "content": [json.dumps(summary)]}}})
    lab.finish("a")
    lab.finish("b", 1)
    lab.server.graphql(TAG, {"p": lab.project, "r": "a", "t": ["best", "keep"]})
    return lab


def ask(lab, filters=None, order=None, after=None, first=50):
    text = json.dumps(filters) if filters is not None else None
    variables = {"p": lab.project, "f": text, "o": order, "after": after, "first": first}
    return lab.server.graphql(RUNS, variables)["project"]


def names(answer):
    return "".join(edge["node"]["name"] for edge in answer["runs"]["edges"])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "abcd"),
        ({"name": "a"}, "a"),
        ({"state": "running"}, "cd"),
        ({"state": {"$in": ["finished", "failed"]}}, "ab"),
        ({"state": {"$nin": ["finished", "failed"]}}, "cd"),
        ({"state": {"$ne": "running"}}, "ab"),
        ({"$or": [{"name": "a"}, {"name": "d"}]}, "ad"),
        ({"$and": [{"state": "running"}, {"name": {"$ne": "c"}}]}, "d"),
        ({"$nor": [{"name": "a"}, {"name": "b"}]}, "cd"),
        ({"name": {"$regex": "^[ab]$"}}, "ab"),
        ({"config.lr.value": 0.1}, "a"),
        ({"config.lr": 0.1}, "a"),
        ({"config.lr.value": {"$lt": 0.05}}, "b"),
        ({"config.lr.value": {"$gte": 0.01, "$lte": 1}}, "ab"),
        ({"config.lr.value": "auto"}, "c"),
        ({"config.flag.value": True}, "c"),
        ({"config.env.num.value": 4096}, "a"),
        ({"config.env.num": {"$gt": 100}}, "ab"),
        ({"config.net.value.width": 64}, "a"),
        ({"config.task.value": {"$regex": "any"}}, "b"),
        ({"config.lr.value": None}, "d"),
        ({"config.lr.value": {"$ne": 0.1}}, "bcd"),
        ({"config.lr.value": {"$exists": True}}, "abc"),
        ({"summary_metrics.loss": {"$lt": 0.4}}, "b"),
        ({"summary_metrics.eval.r": {"$gte": 1}}, "ab"),
        ({"summary_metrics.loss": None}, "cd"),
        ({"tags": "best"}, "a"),
        ({"tags": {"$in": ["best", "other"]}}, "a"),
        ({"tags": {"$in": ["best", "keep"]}}, "a"),
        ({"tags": {"$in": []}}, ""),
        ({"tags": {"$nin": ["other", "keep"]}}, "bcd"),
        ({"tags": {"$ne": "best"}}, "bcd"),
        ({"tags": None}, "bcd"),
        ({"createdAt": {"$gt": "2020-01-01T00:00:00Z"}}, "abcd"),
        ({"created_at": {"$lt": "2020-01-01"}}, ""),
        ({"sweep": "none"}, ""),
        ({"display_name": "a"}, "a"),
    ],
)
def test_a_filter_chooses(runs, filters, expected):
    answer = ask(runs, filters)
    assert names(answer) == expected
    assert answer["runCount"] == len(expected)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, "abcd"),
        ("+created_at", "abcd"),
        ("-created_at", "dcba"),
        ("+summary_metrics.loss", "bacd"),
        ("-summary_metrics.loss", "abcd"),
        ("-summary_metrics.eval.r", "bacd"),
        ("-config.lr.value", "cabd"),
        ("+config.env.num", "bacd"),
        ("-name", "dcba"),
        ("-heartbeat_at", None),
    ],
)
def test_an_order_puts_what_has_no_value_last(runs, order, expected):
    found = names(ask(runs, order=order))
    assert found == expected if expected else len(found) == 4


def test_pages_follow_each_other_without_gap_or_repetition(runs):
    seen, cursor = "", None
    while True:
        answer = ask(runs, order="-name", after=cursor, first=3)
        seen += names(answer)
        cursor = answer["runs"]["pageInfo"]["endCursor"]
        if not answer["runs"]["pageInfo"]["hasNextPage"]:
            break
    assert seen == "dcba"


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"nothing": 1}, "'nothing' cannot be filtered"),
        ({"$where": "1"}, r"operator \$where is not known"),
        ({"name": {"$near": 1}}, r"operator \$near is not known"),
        ({"state": {"$in": "finished"}}, "must be a list"),
        ({"name": {"$regex": "("}}, "malformed"),
        ({"name": {"$regex": "a" * 300}}, "at most 200"),
        ({'config.a".b': 1}, "quotation mark"),
        ({"created_at": "yesterday"}, "needs a time"),
        ({"name": {"$eq": [1]}}, "can be compared"),
        ([1], "JSON object"),
        ({"tags": {"$gt": 1}}, "tags can be compared"),
    ],
)
def test_a_filter_that_is_not_understood_is_refused_with_a_reason(runs, filters, message):
    with pytest.raises(AssertionError, match=f"400.*{message}"):
        ask(runs, filters)


def test_counts_of_many_sweeps_are_read_in_one_request(lab):
    sweeps = [
        lab.create({"method": "grid", "parameters": {"x": {"values": [1, 2]}}}, f"text\n\nmark {n}") for n in range(20)
    ]
    for sweep in sweeps[:3]:
        run = lab.next_run(lab.agent(sweep))
        lab.start(run, sweep)
        lab.finish(run)
    parts = [
        f"""s{n}: project(name: $p) {{ sweep(sweepName: "{sweep}") {{ state config description }}
        done: runCount(filters: "{{\\"sweep\\": \\"{sweep}\\", \\"state\\": \\"finished\\"}}")
        best: runs(filters: "{{\\"sweep\\": \\"{sweep}\\"}}",
          order: "+summary_metrics.loss", first: 1) {{ edges {{ node {{ name }} }} }} }}"""
        for n, sweep in enumerate(sweeps)
    ]
    answer = lab.server.graphql("query($p: String) {" + "\n".join(parts) + "}", {"p": lab.project})
    assert [answer[f"s{n}"]["done"] for n in range(20)] == [1] * 3 + [0] * 17
    assert answer["s7"]["sweep"]["description"].endswith("mark 7")
    listing = """query($p: String, $f: JSONString) { project(name: $p) { totalSweeps sweeps(first: 100, filters: $f) {
      edges { node { name description config } } } } }"""
    found = lab.server.graphql(listing, {"p": lab.project, "f": '{"description": {"$regex": "mark 7$"}}'})["project"]
    assert found["totalSweeps"] == 20
    assert [edge["node"]["name"] for edge in found["sweeps"]["edges"]] == [sweeps[7]]
