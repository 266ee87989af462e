"""Runs that are no trials: the log of a sweep's scheduler, and records that clients keep; and changes to ended runs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from servers import running_server

CUSTOM = {
    "method": "custom",
    "metric": {"name": "loss"},
    "parameters": {"x": {"min": 0.0, "max": 1.0}},
    "scheduler": {"engine": "optuna"},
}
UPSERT = """mutation UpsertBucket($project: String, $name: String, $id: String, $group: String, $job: String,
    $host: String, $config: JSONString, $summary: JSONString, $tags: [String!], $shown: String) {
  upsertBucket(input: {modelName: $project, name: $name, id: $id, groupName: $group, jobType: $job, host: $host,
    config: $config, summaryMetrics: $summary, tags: $tags, displayName: $shown}) {
  inserted bucket { id name state group jobType sweepName heartbeatAt config summaryMetrics tags displayName } } }"""
FACTS = """query SweepConfig($p: String, $s: String!) { project(name: $p) { sweep(sweepName: $s) {
  id state config displayName controllerRunName } } }"""
RUNS = """query($p: String, $f: JSONString, $o: String) { project(name: $p) {
  runs(filters: $f, order: $o) { edges { node { name state } } } } }"""
LOG = "query($p: String, $r: String!) { project(name: $p) { run(name: $r) { logLines { edges { node { line } } } } } }"


def upsert(lab, name: str | None = None, **values):
    return lab.server.graphql(UPSERT, {"project": lab.project, "name": name, **values})["upsertBucket"]


def controller_of(lab, sweep: str) -> str:
    return lab.server.graphql(FACTS, {"p": lab.project, "s": sweep})["project"]["sweep"]["controllerRunName"]


def names(lab, filters=None, order: str = "+created_at") -> list[str]:
    variables = {"p": lab.project, "f": json.dumps(filters) if filters else None, "o": order}
    return [edge["node"]["name"] for edge in lab.server.graphql(RUNS, variables)["project"]["runs"]["edges"]]


def log_of(lab, run: str) -> list[str]:
    edges = lab.server.graphql(LOG, {"p": lab.project, "r": run})["project"]["run"]["logLines"]["edges"]
    return [edge["node"]["line"] for edge in edges]


def say(lab, run: str, *lines: str, offset: int = 0) -> None:
    lab.stream(run, {"files": {"output.log": {"offset": offset, "content": list(lines)}}})


def test_each_sweep_names_one_run_for_the_log_of_its_scheduler(lab):
    first, second = lab.create(CUSTOM), lab.create(CUSTOM)
    assert controller_of(lab, first) == controller_of(lab, first) != controller_of(lab, second)
    assert controller_of(lab, first)


def test_the_run_of_the_scheduler_is_no_run_of_the_sweep(lab):
    sweep = lab.create(CUSTOM | {"run_cap": 1})
    upsert(lab, controller_of(lab, sweep))
    assert lab.runs(sweep) == {}
    lab.enqueue(sweep, {"x": {"value": 0.5}})


def test_the_log_begins_anew_when_the_scheduler_is_started_again(lab):
    run = controller_of(lab, lab.create(CUSTOM))
    upsert(lab, run)
    say(lab, run, "one", "two", "three")
    say(lab, run, "one", "two", "three")
    say(lab, run, "four", offset=3)
    assert log_of(lab, run) == ["one", "two", "three", "four"]
    upsert(lab, run)
    say(lab, run, "again")
    say(lab, run, "and on", offset=1)
    assert log_of(lab, run) == ["again", "and on"]


def test_a_trainer_may_write_its_first_line_again_and_keeps_the_others(lab):
    upsert(lab, "bar")
    say(lab, "bar", "10 %", "text")
    say(lab, "bar", "20 %")
    assert log_of(lab, "bar") == ["20 %", "text"]


def test_only_processes_are_called_crashed_when_they_are_silent(tmp_path, new_lab, until):
    with running_server(tmp_path, run_timeout="0.5") as server:
        lab = new_lab(server)
        controller = controller_of(lab, lab.create(CUSTOM))
        upsert(lab, controller, host="node")
        say(lab, controller, "working")
        upsert(lab, "ticket", group="sweep", job="wandbsweep-search")
        lab.stream("ticket", {})
        upsert(lab, "process", host="node")
        state = {"p": lab.project, "f": None, "o": None}

        def states() -> dict[str, str]:
            edges = lab.server.graphql(RUNS, state)["project"]["runs"]["edges"]
            return {edge["node"]["name"]: edge["node"]["state"] for edge in edges}

        until(lambda: states()["process"] == "crashed", what="the silent process crashed")
        assert states() == {controller: "running", "ticket": "running", "process": "crashed"}


def test_of_many_clients_one_makes_the_record(lab):
    for name in ("a", "b", "c"):
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _, name=name: upsert(lab, name, group="g", job="j"), range(12)))
        assert sorted(answer["inserted"] for answer in answers) == [False] * 11 + [True]
    assert answers[0]["bucket"] | {"heartbeatAt": None, "id": None} == {
        "id": None,
        "name": "c",
        "state": "running",
        "group": "g",
        "jobType": "j",
        "sweepName": None,
        "heartbeatAt": None,
        "config": "{}",
        "summaryMetrics": "{}",
        "tags": [],
        "displayName": "c",
    }


def test_a_record_is_renewed_by_a_change(lab):
    first = upsert(lab, "ticket")["bucket"]["heartbeatAt"]
    assert upsert(lab, "ticket", summary='{"seen": 1}')["bucket"]["heartbeatAt"] > first


def test_records_are_found_by_group_and_job_type_and_can_be_deleted(lab):
    sweep = lab.create(CUSTOM)
    lab.enqueue(sweep, {"x": {"value": 0.5}})
    upsert(lab, "other", group=sweep, job="train")
    for number in (1, 2, 3):
        upsert(lab, f"ticket-{number}", group=sweep, job="search")
    chosen = {"$and": [{"group": sweep}, {"jobType": "search"}]}
    assert names(lab, chosen) == ["ticket-1", "ticket-2", "ticket-3"]
    assert names(lab, chosen, "-created_at")[0] == "ticket-3"
    assert names(lab, chosen, "-heartbeatAt")[0] == "ticket-3"
    identity = upsert(lab, "ticket-1")["bucket"]["id"]
    delete = "mutation($id: ID!) { deleteRun(input: {id: $id}) { success } }"
    assert lab.server.graphql(delete, {"id": identity})["deleteRun"] == {"success": True}
    assert names(lab, chosen) == ["ticket-2", "ticket-3"]
    assert upsert(lab, "ticket-1")["inserted"] is True


def test_runs_are_found_by_what_a_search_asks_for(lab):
    sweep = lab.create(CUSTOM)
    first, second = (lab.enqueue(sweep, {"x": {"value": x}}, f"ant.r.{x}") for x in (0, 1))
    upsert(lab, "stranger", summary='{"loss": 0.1}')
    upsert(lab, first, summary='{"loss": 2}', tags=["protein:front"])
    upsert(lab, second, summary='{"loss": 1}', tags=["other"])
    assert names(lab, {"$and": [{"sweep": sweep}, {"displayName": "ant.r.1"}]}) == [second]
    assert names(lab, {"$and": [{"sweep": sweep}, {"tags": {"$in": ["protein:front"]}}]}) == [first]
    assert names(lab, {"name": {"$in": [first, "none", "stranger"]}}, "+name") == sorted([first, "stranger"])
    assert names(lab, {"name": {"$nin": [first, "stranger"]}}) == [second]
    assert names(lab, {"sweep": sweep}, "+summary_metrics.loss") == [second, first]
    assert names(lab, {"sweep": sweep}, "-summary_metrics.loss") == [first, second]


@pytest.mark.parametrize("exitcode", [0, 1])
def test_what_is_added_to_an_ended_run_does_not_begin_it_again(lab, exitcode):
    sweep = lab.create(CUSTOM)
    agent = lab.agent(sweep)
    run = lab.enqueue(sweep, {"x": {"value": 0.5}})
    assert lab.next_run(agent) == run
    lab.start(run, sweep)
    lab.log(run, [{"loss": 1.0}])
    lab.finish(run, exitcode)
    before = lab.runs(sweep)[run]
    given = {
        "summary": '{"loss": 1.0, "protein.cost": 3}',
        "tags": ["protein:front"],
        "config": '{"x": {"value": 0.5}, "more": {"value": 1}}',
        "shown": "ant.r.7",
    }
    for key in ({"name": run}, {"id": upsert(lab, run)["bucket"]["id"]}):
        bucket = upsert(lab, **key, **given)["bucket"]
        assert bucket["state"] == before
        assert json.loads(bucket["summaryMetrics"]) == {"loss": 1.0, "protein.cost": 3}
        assert (bucket["tags"], bucket["displayName"]) == (["protein:front"], "ant.r.7")
        assert json.loads(bucket["config"])["more"] == {"value": 1}
    assert lab.heartbeat(agent) == []
