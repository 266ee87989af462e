"""What a running run sends line by line."""

from __future__ import annotations

import base64
import gzip
import json
import urllib.error
import urllib.request

import pytest

READ = """query($project: String, $run: String!) { project(name: $project) { run(name: $run) {
  state exitcode summaryMetrics systemMetrics historyKeys historyLineCount eventsLineCount logLineCount
  history(samples: 10) events(samples: 10)
  logLines(last: 5) { edges { node { number level label timestamp line } } } } } }"""
RESUME = """query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { id name entity { id name } bucket(name: $name, missingOk: true) {
    id name historyLineCount historyTail eventsTail config wandbConfig(keys: ["t"]) } } }"""


def read(lab, run="r"):
    return lab.server.graphql(READ, {"project": lab.project, "run": run})["project"]["run"]


def raw_stream(lab, body: bytes, **headers: str):
    url = f"{lab.server.url}/files/{lab.server.entity}/{lab.project}/r/file_stream"
    credentials = base64.b64encode(f"api:{lab.server.api_key}".encode()).decode()
    request = urllib.request.Request(url, data=body, headers={"Authorization": f"Basic {credentials}", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_lines_that_are_sent_again_replace_themselves(lab):
    lab.start("r")
    lab.log("r", [{"loss": 3}, {"loss": 2}])
    lab.log("r", [{"loss": 3}, {"loss": 2}])
    lab.log("r", [{"loss": 1}], offset=2)
    run = read(lab)
    assert [json.loads(line)["loss"] for line in run["history"]] == [3, 2, 1]
    assert run["historyLineCount"] == 3
    assert run["historyKeys"]["lastStep"] == 2
    assert run["historyKeys"]["keys"]["loss"]["typeCounts"] == [{"type": "number", "count": 3}]


def test_nan_and_infinity_come_in_and_never_go_out(lab):
    lab.start("r")
    line = '{"loss": NaN, "reward": -Infinity, "big": Infinity, "ok": 1, "_step": 0}'
    body = {
        "wandb-history.jsonl": {"offset": 0, "content": [line]},
        "wandb-summary.json": {"offset": 0, "content": [line]},
    }
    lab.stream("r", {"files": body})
    run = read(lab)
    expected = {"loss": None, "reward": None, "big": None, "ok": 1, "_step": 0}
    assert json.loads(run["summaryMetrics"], parse_constant=pytest.fail) == expected
    assert json.loads(run["history"][0], parse_constant=pytest.fail) == expected


def test_system_metrics_and_console_log_are_kept(lab):
    lab.start("r")
    events = ['{"_wandb": true, "system.cpu": 1, "_runtime": 1}', '{"_wandb": true, "system.gpu.0.memory": 7}']
    log = ["2026-01-31T12:00:00.000000 first", "ERROR 2026-01-31T12:00:01.000000 [rank0] second", "no time"]
    chunks = {
        "wandb-events.jsonl": {"offset": 0, "content": events},
        "output.log": {"offset": 0, "content": log},
    }
    lab.stream("r", {"files": chunks})
    run = read(lab)
    assert json.loads(run["systemMetrics"]) == {"system.cpu": 1, "system.gpu.0.memory": 7}
    first, second, third = (edge["node"] for edge in run["logLines"]["edges"])
    assert (first["line"], first["level"], first["timestamp"]) == ("first", "", "2026-01-31T12:00:00.000000")
    assert (second["line"], second["level"], second["label"]) == ("second", "error", "rank0")
    assert (third["line"], third["number"]) == ("no time", 2)


def test_the_exit_code_decides_how_a_run_ended(lab):
    for run, exitcode, state in (("good", 0, "finished"), ("bad", 3, "failed")):
        lab.start(run)
        lab.finish(run, exitcode)
        found = read(lab, run)
        assert (found["state"], found["exitcode"]) == (state, exitcode)


def test_ten_mebibytes_in_one_request_are_taken(lab):
    lab.start("r")
    rows = [json.dumps({"_step": step, "text": "x" * 1040}) for step in range(10_000)]
    body = json.dumps({"files": {"wandb-history.jsonl": {"offset": 0, "content": rows}}}).encode()
    assert len(body) > 10 * 1024 * 1024
    assert raw_stream(lab, body) == 200
    assert read(lab)["historyLineCount"] == 10_000


def test_gzip_is_understood_and_a_bomb_is_refused(lab):
    lab.start("r")
    body = json.dumps({"files": {"wandb-summary.json": {"offset": 0, "content": ['{"a": 1}']}}}).encode()
    assert raw_stream(lab, gzip.compress(body), **{"Content-Encoding": "gzip"}) == 200
    assert json.loads(read(lab)["summaryMetrics"]) == {"a": 1}
    assert raw_stream(lab, gzip.compress(b" " * 40_000_000), **{"Content-Encoding": "gzip"}) == 413
    assert raw_stream(lab, b"not gzip", **{"Content-Encoding": "gzip"}) == 400


def test_a_request_beyond_the_limit_is_refused(lab):
    lab.start("r")
    assert raw_stream(lab, b" " * 34_000_000) == 413


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"files": {"wandb-history.jsonl": 3}}',
        b'{"files": {"wandb-history.jsonl": {"offset": -1, "content": ["{}"]}}}',
        b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": ["not json"]}}}',
        b"[" * 5000,
    ],
)
def test_a_malformed_stream_is_refused_and_changes_nothing(lab, body):
    lab.start("r")
    assert raw_stream(lab, body) == 400
    assert read(lab)["historyLineCount"] == 0


def test_a_run_that_does_not_exist_has_no_stream(lab):
    assert raw_stream(lab, b"{}") == 404


def test_a_run_that_begins_anew_without_resuming_leaves_its_old_history_behind(lab):
    lab.start("r")
    lab.log("r", [{"loss": 3}, {"loss": 2}, {"loss": 1}])
    lab.start("r")
    lab.log("r", [{"loss": 9}])
    run = read(lab)
    assert [json.loads(line)["loss"] for line in run["history"]] == [9]
    assert run["historyKeys"]["lastStep"] == 0


def test_a_resumed_run_learns_where_it_was(lab):
    lab.start("r", config={"_wandb": {"value": {"t": {"1": [1]}}}, "x": {"value": 1}})
    lab.log("r", [{"loss": 3}, {"loss": 2}])
    variables = {"project": lab.project, "entity": lab.server.entity, "name": "r"}
    bucket = lab.server.graphql(RESUME, variables)["model"]["bucket"]
    assert bucket["historyLineCount"] == 2
    assert json.loads(json.loads(bucket["historyTail"])[-1])["_step"] == 1
    assert json.loads(bucket["wandbConfig"]) == {"t": {"1": [1]}}


def test_a_run_that_waits_for_its_first_start_does_not_look_started(lab):
    sweep = lab.create({"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}})
    run = lab.next_run(lab.agent(sweep))
    bucket = lab.server.graphql(RESUME, {"project": lab.project, "entity": None, "name": run})["model"]["bucket"]
    assert bucket["wandbConfig"] == "{}"
    missing = lab.server.graphql(RESUME, {"project": lab.project, "entity": None, "name": "nobody"})["model"]["bucket"]
    assert missing is None
