"""The GraphQL endpoint as SDKs of several ages use it, and as clients misuse it."""

from __future__ import annotations

import pytest

BAD_YAML = """mutation($c: String) {
  upsertSweep(input: {config: $c, projectName: "p"}) { sweep { name } configValidationWarnings } }"""


def ask(lab, query, variables=None, **more):
    return lab.server.post("/graphql", {"query": query, "variables": variables, **more})


def test_an_empty_operation_name_means_the_only_operation(lab):
    status, answer = ask(lab, "query Viewer { viewer { id entity username flags } }", operationName="")
    assert status == 200
    assert answer["data"]["viewer"]["entity"] == lab.server.entity


def test_agents_are_listed_newest_first_and_found_by_name_or_id_in_their_own_sweep(lab):
    sweep, other = (lab.create({"method": "random", "parameters": {"x": {"value": 1}}}) for _ in range(2))
    made = [lab.agent(sweep) for _ in range(3)]
    query = """query($p: String, $s: String!, $a: String!) { project(name: $p) { sweep(sweepName: $s) {
      agents(first: 2) { edges { node { id name } } pageInfo { hasNextPage } } agent(agentName: $a) { id } } } }"""

    def listed(of, agent):
        return lab.server.graphql(query, {"p": lab.project, "s": of, "a": agent})["project"]["sweep"]

    found = listed(sweep, made[0])
    newest = [edge["node"] for edge in found["agents"]["edges"]]
    assert [agent["id"] for agent in newest] == [made[2], made[1]]
    assert found["agents"]["pageInfo"] == {"hasNextPage": True}
    assert found["agent"] == {"id": made[0]}
    assert listed(sweep, newest[0]["name"])["agent"] == {"id": made[2]}
    assert listed(other, made[0])["agent"] is listed(other, newest[0]["name"])["agent"] is None


def test_a_single_text_counts_as_a_list_of_one(lab):
    sweep = lab.create({"method": "grid", "parameters": {"x": {"value": 1}}})
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.log(run, [{"loss": 1}, {"loss": 2}])
    query = """query($p: String, $s: String!, $specs: [JSONString!]!) { project(name: $p) { sweep(sweepName: $s) {
      runs { edges { node { name sampledHistory(specs: $specs) } } } } } }"""
    _, answer = ask(lab, query, {"p": lab.project, "s": sweep, "specs": '{"keys": ["loss"]}'})
    (edge,) = answer["data"]["project"]["sweep"]["runs"]["edges"]
    assert edge["node"]["sampledHistory"] == [[{"loss": 1}, {"loss": 2}]]


def test_introspection_answers_older_sdks(lab):
    query = """{ q: __type(name: "Query") { fields { name } } r: __type(name: "Run") { fields { name } }
      s: __type(name: "ServerSettings") { name } }"""
    status, answer = ask(lab, query)
    assert status == 200
    assert {"viewer", "project", "serverInfo"} <= {field["name"] for field in answer["data"]["q"]["fields"]}


def test_a_name_of_another_entity_is_nobody(lab):
    assert ask(lab, '{ project(name: "p", entityName: "other") { id } }') == (200, {"data": {"project": None}})
    status, answer = ask(lab, 'mutation { upsertSweep(input: {config: "{}", entityName: "other"}) { sweep { name } } }')
    assert status == 404
    assert "leave it out" in answer["errors"][0]["message"]


def test_no_project_means_uncategorized(lab):
    answer = lab.server.graphql(
        'mutation { upsertSweep(input: {config: "{method: grid}"}) { sweep { project { name entity { name } } } } }'
    )
    assert answer["upsertSweep"]["sweep"]["project"] == {"name": "uncategorized", "entity": {"name": lab.server.entity}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "is not YAML"),
        ("- a\n- b", "must be a mapping"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{n}: &{n} [{', '.join(['*' + p] * 10)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "more than",
        ),
        ("x" * 1_100_000, "larger than"),
        ("method: grid\nparameters: {x: {value: .nan}}", "JSON does not know"),
    ],
)
def test_a_config_that_is_none_is_refused(lab, config, message):
    status, answer = ask(lab, BAD_YAML, {"c": config})
    assert status in (400, 413)
    assert message in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    ("config", "warning"),
    [
        ("method: nonsense\nparameters: {x: {value: 1}}", "nonsense"),
        ("method: grid", "parameters"),
        ("method: random\nparameters: {x: {min: 3, max: 1}}", "3"),
        ("method: random\nparameters: [1]", ""),
    ],
)
def test_a_config_against_the_schema_is_created_with_warnings(lab, config, warning):
    status, answer = ask(lab, BAD_YAML, {"c": config})
    assert status == 200
    warnings = answer["data"]["upsertSweep"]["configValidationWarnings"]
    assert warnings
    assert warning in " ".join(warnings)


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{", None),
        ("{ nothing }", None),
        ("query($n: String!) { project(name: $n) { id } }", {}),
        ("query($n: Int) { models(first: $n) { edges { cursor } } }", {"n": "many"}),
        ('{ models(after: "x") { edges { cursor } } }', None),
        ('mutation { upsertSweep(input: {entityName: "wandbsweep"}) { sweep { name } } }', None),
        ('mutation { upsertSweep(input: {config: "{}", projectName: "a/b"}) { sweep { name } } }', None),
        ('mutation { upsertBucket(input: {modelName: "p", name: "a/b"}) { inserted } }', None),
        ('mutation { upsertBucket(input: {modelName: "p", state: "finished"}) { inserted } }', None),
        ('mutation { upsertBucket(input: {modelName: "p", config: "[]"}) { inserted } }', None),
        ('mutation { upsertBucket(input: {modelName: "p", displayName: "\\uD800"}) { inserted } }', None),
        (None, None),
        ("{ viewer { id } }", [1]),
        ("{ viewer " * 3000, None),
    ],
)
def test_a_users_mistake_is_a_400_with_words(lab, query, variables):
    status, answer = ask(lab, query, variables)
    assert status == 400
    assert answer["errors"][0]["message"]


@pytest.mark.parametrize(
    "name",
    [
        'upsertSweep(input: {id: "none", state: "PAUSED"}) { sweep { id } }',
        'stopRun(input: {id: "none"}) { success }',
        'agentHeartbeat(input: {id: "none"}) { commands }',
        'createAgent(input: {host: "h", sweep: "none"}) { agent { id } }',
        'createRunFiles(input: {runName: "none", files: []}) { runID }',
        'upsertBucket(input: {modelName: "p", name: "r", sweep: "none"}) { inserted }',
    ],
)
def test_what_does_not_exist_is_a_404(lab, name):
    status, answer = ask(lab, "mutation { " + name + " }")
    assert status == 404
    assert "exist" in answer["errors"][0]["message"] or "no such" in answer["errors"][0]["message"]


def test_an_unknown_sweep_state_is_refused_with_the_known_ones(lab):
    sweep = lab.create({"method": "grid", "parameters": {"x": {"value": 1}}})
    with pytest.raises(AssertionError, match=r"400.*RUNNING, PAUSED, FINISHED, CANCELED"):
        lab.set_state(sweep, "DONE")


def test_setting_the_same_state_twice_is_no_mistake(lab):
    sweep = lab.create({"method": "grid", "parameters": {"x": {"value": 1}}})
    for _ in range(2):
        lab.set_state(sweep, "CANCELED")
    assert lab.state(sweep) == "CANCELED"


def test_an_update_changes_the_config_and_reopens_a_grid(lab):
    sweep = lab.create({"method": "grid", "parameters": {"x": {"values": [1]}}})
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    lab.start(run, sweep)
    update = """mutation($id: ID, $c: String) {
      upsertSweep(input: {id: $id, config: $c}) { sweep { name runCountExpected } } }"""
    variables = {"id": lab.sweep(sweep)["id"], "c": "{method: grid, parameters: {x: {values: [1, 2]}}}"}
    assert lab.server.graphql(update, variables)["upsertSweep"]["sweep"] == {"name": sweep, "runCountExpected": 2}
    lab.finish(run)
    assert lab.heartbeat(agent)[0]["args"] == {"x": {"value": 2}}


def test_a_deleted_run_may_be_tried_again(lab):
    sweep = lab.create({"method": "grid", "parameters": {"x": {"values": [1, 2]}}})
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    identity = lab.start(run, sweep)
    lab.server.graphql("mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", {"id": identity})
    assert lab.runs(sweep) == {}
    assert lab.heartbeat(agent)[0]["args"] == {"x": {"value": 1}}


def test_an_agent_that_starts_is_not_sent_the_history_of_all_runs(lab):
    sweep = lab.create({"method": "grid", "parameters": {"x": {"value": 1}}})
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.log(run, [{"loss": 1}])
    query = """query($p: String, $r: String!, $specs: [JSONString!]!) {
      project(name: $p) { run(name: $r) { sampledHistory(specs: $specs) } } }"""
    _, answer = ask(lab, query, {"p": lab.project, "r": run, "specs": "{}"})
    assert answer["data"]["project"]["run"]["sampledHistory"] == [[]]
