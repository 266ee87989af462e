"""Rows of history, sampled and paged as wandb.Api asks for them."""

from __future__ import annotations

import json

import pytest

SAMPLED = """query($p: String, $r: String!, $specs: [JSONString!]!) {
  project(name: $p) { run(name: $r) { sampledHistory(specs: $specs) } } }"""
PAGE = """query($p: String, $r: String!, $min: Int64, $max: Int64, $n: Int) {
  project(name: $p) { run(name: $r) { history(minStep: $min, maxStep: $max, samples: $n) } } }"""


@pytest.fixture(scope="module")
def run(server, new_lab):
    lab = new_lab(server)
    lab.start("r")
    rows = [{"loss": step, "eval": {"r": step}} if step % 2 else {"loss": step, "other": 1} for step in range(1000)]
    lab.log("r", rows)
    return lab


def sampled(lab, **spec):
    variables = {"p": lab.project, "r": "r", "specs": [json.dumps(spec)]}
    (rows,) = lab.server.graphql(SAMPLED, variables)["project"]["run"]["sampledHistory"]
    return rows


def test_samples_are_spread_over_the_whole_history_with_both_ends(run):
    steps = [row["_step"] for row in sampled(run, keys=["_step", "loss"], samples=20)]
    assert len(steps) == 20
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 999)


def test_only_rows_with_all_keys_are_sampled(run):
    rows = sampled(run, keys=["loss", "eval.r"], samples=5000)
    assert len(rows) == 500
    assert rows[0] == {"loss": 1, "eval.r": 1}
    assert sampled(run, keys=["loss", "nothing"]) == []


def test_steps_bound_a_sample_and_a_page(run):
    assert [row["_step"] for row in sampled(run, keys=["_step"], minStep=10, maxStep=13)] == [10, 11, 12]
    variables = {"p": run.project, "r": "r", "min": 998, "max": 1500, "n": 1000}
    texts = run.server.graphql(PAGE, variables)["project"]["run"]["history"]
    assert [json.loads(text)["_step"] for text in texts] == [998, 999]


def test_a_malformed_spec_is_refused(run):
    variables = {"p": run.project, "r": "r", "specs": ["[]"]}
    status, answer = run.server.post("/graphql", {"query": SAMPLED, "variables": variables})
    assert status == 400
    assert "spec of sampledHistory" in answer["errors"][0]["message"]
