"""A server that several entities share: none of them reads, changes or even finds what is another's."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from graphql import GraphQLObjectType
from starlette.routing import Route

from servers import running_server
from tenants import ALPHA_KEY, BETA_KEY, MARK, PROJECT, Belongings, Client, everything_below, furnish
from waiting import until
from wandbsweep.server.app import create_app
from wandbsweep.server.graphql import build_schema
from wandbsweep.server.settings import API_KEY_VARIABLE, ServerSettings, SettingsError

SCHEMA = build_schema()
# These choose among what their parent has and name nothing.
PAGING = {"after", "before", "first", "last", "order", "samples", "minStep", "maxStep", "useImprovedPagination", "keys"}
PAGING |= {"specs", "liveKeys", "upload", "missingOk", "pattern"}

# What beta tries with alpha's names and ids: for each field that takes any, every way of naming things.
ATTEMPTS = {
    "Query.viewer": ["{ viewer { id name entity teams { edges { node { name } } } } }"],
    "Query.serverInfo": ["{ serverInfo { features { name } } }"],
    "Query.entity": ['{ entity(name: "alpha") { id name } }'],
    "Query.project": [
        '{ project(name: "%(project)s", entityName: "alpha") { id description } }',
        "{ %(there)s { runs { edges { node { notes } } } } }",
    ],
    "Query.model": ['{ model(name: "%(project)s", entityName: "alpha") { id bucket(name: "alphas-run") { id } } }'],
    "Query.models": ['{ models(entityName: "alpha") { edges { node { name } } } }'],
    "Project.run": ['{ %(there)s { run(name: "%(run)s") { notes } } }'],
    "Project.bucket": [
        '{ %(there)s { bucket(name: "%(run)s", missingOk: true) { notes config } } }',
        '{ %(there)s { bucket(name: "%(controller)s", missingOk: true) { notes } } }',
    ],
    "Project.sweep": [
        '{ %(there)s { sweep(sweepName: "%(sweep)s") { config } } }',
        '{ %(there)s { sweep(sweepName: "%(sweep_id)s") { config } } }',
    ],
    "Project.runs": [
        '{ %(there)s { runs(filters: "{\\"sweep\\": \\"%(sweep)s\\"}") { edges { node { notes } } } } }',
        '{ %(there)s { runs(filters: "%(any)s") { edges { node { notes } } } } }',
    ],
    "Project.runCount": ['{ %(there)s { runCount(filters: "{\\"name\\": \\"%(run)s\\"}") } }'],
    "Project.sweeps": [
        '{ %(there)s { sweeps(filters: "{\\"name\\": \\"%(sweep)s\\"}") { edges { node { config } } } } }'
    ],
    "Sweep.runs": ['{ %(there)s { %(own_sweep)s { runs(filters: "%(any)s") { edges { node { notes } } } } } }'],
    "Sweep.agent": [
        '{ %(there)s { %(own_sweep)s { agent(agentName: "%(agent_id)s") { host } } } }',
        '{ %(there)s { %(own_sweep)s { agent(agentName: "%(agent)s") { host } } } }',
    ],
    "Run.files": ['{ %(there)s { run(name: "betas-run") { files(names: ["words.txt"]) { edges { node { id } } } } } }'],
    "Mutation.upsertModel": ['upsertModel(input: {entityName: "alpha", name: "new"}) { inserted }'],
    "Mutation.upsertBucket": [
        'upsertBucket(input: {id: "%(run_id)s", notes: "spoilt"}) { bucket { notes config } }',
        'upsertBucket(input: {entityName: "alpha", modelName: "%(project)s", name: "%(run)s"}) { bucket { config } }',
        'upsertBucket(input: {modelName: "%(project)s", name: "new", sweep: "%(sweep)s"}) { bucket { sweepName } }',
    ],
    "Mutation.createRunFiles": [
        'createRunFiles(input: {%(alphas)s, runName: "%(run)s", files: ["x"]}) { files { uploadUrl } }',
        'createRunFiles(input: {projectName: "%(project)s", runName: "%(run)s", files: ["x"]}) { runID }',
    ],
    "Mutation.markRunFilesUploaded": [
        'markRunFilesUploaded(input: {%(alphas)s, runName: "%(run)s", files: ["x"]}) { success }'
    ],
    "Mutation.stopRun": ['stopRun(input: {id: "%(run_id)s"}) { success }'],
    "Mutation.deleteRun": ['deleteRun(input: {id: "%(run_id)s"}) { success }'],
    "Mutation.deleteFiles": ['deleteFiles(input: {files: ["%(file_id)s"]}) { success }'],
    "Mutation.upsertSweep": [
        'upsertSweep(input: {id: "%(sweep_id)s", state: "CANCELED"}) { sweep { config } }',
        'upsertSweep(input: {id: "%(sweep_id)s", config: "{method: grid}"}) { sweep { config } }',
        'upsertSweep(input: {id: "%(sweep)s", projectName: "%(project)s", state: "PAUSED"}) { sweep { config } }',
        'upsertSweep(input: {id: "%(sweep)s", %(alphas)s, state: "PAUSED"}) { sweep { config } }',
        'upsertSweep(input: {%(alphas)s, config: "{method: grid}"}) { sweep { id } }',
    ],
    "Mutation.enqueueSweepRun": ['enqueueSweepRun(input: {id: "%(sweep_id)s", config: "{}"}) { id }'],
    "Mutation.deleteSweep": ['deleteSweep(input: {id: "%(sweep_id)s"}) { success }'],
    "Mutation.createAgent": [
        'createAgent(input: {host: "h", sweep: "%(sweep_id)s"}) { agent { id } }',
        'createAgent(input: {host: "h", sweep: "%(sweep)s", projectName: "%(project)s"}) { agent { id } }',
        'createAgent(input: {host: "h", sweep: "%(sweep)s", %(alphas)s}) { agent { id } }',
    ],
    "Mutation.agentHeartbeat": [
        'agentHeartbeat(input: {id: "%(agent_id)s", runState: "{}"}) { commands agent { host } }'
    ],
}
# For each route of the server.
PATHS = {
    "/healthz": [("GET", "/healthz", None)],
    "/graphql": [],
    "/files/{entity}/{project}/{run}/file_stream": [
        ("POST", "/files/alpha/shared-name/alphas-run/file_stream", {"complete": True, "exitcode": 1})
    ],
    "/files/{entity}/{project}/{run}/{name:path}": [("GET", "/files/alpha/shared-name/alphas-run/words.txt", None)],
    "/storage/{run_id}/{name:path}": [
        ("GET", "/storage/1/words.txt", None),
        ("PUT", "/storage/1/words.txt?expires=9999999999&signature=00", "spoilt"),
    ],
    "/": [("GET", "/", None)],
    "/{entity}/{project}": [("GET", "/alpha/shared-name", None)],
    "/{entity}/{project}/sweeps/{sweep}": [("GET", "/alpha/shared-name/sweeps/{sweep}", None)],
    "/{entity}/{project}/runs/{run}": [("GET", "/alpha/shared-name/runs/alphas-run", None)],
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Alpha, what alpha has, and beta, which has a project of the same name with a sweep and a run of its own."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "keys").mkdir()
    (folder / "keys" / "alpha").write_text(ALPHA_KEY + "\n")
    (folder / "keys" / "beta").write_text(BETA_KEY + "\n")
    with running_server(folder / "server", keys_dir=str(folder / "keys")) as server:
        alpha, beta = Client(server, "alpha", ALPHA_KEY), Client(server, "beta", BETA_KEY)
        create = """mutation { upsertSweep(input: {projectName: "shared-name", config: "{method: grid}"})
          { sweep { name } } }"""
        own_sweep = beta.data(create)["upsertSweep"]["sweep"]["name"]
        begin = (
            'mutation { upsertBucket(input: {modelName: "shared-name", name: "betas-run", host: "h"}) { inserted } }'
        )
        beta.data(begin)
        yield alpha, furnish(alpha), beta, own_sweep


def names_of(belongings: Belongings, own_sweep: str) -> dict[str, str]:
    return {
        "project": PROJECT,
        "any": json.dumps({"$or": [{}, {"name": belongings.run}]}).replace('"', '\\"'),
        "there": f'project(name: "{PROJECT}")',
        "alphas": f'entityName: "alpha", projectName: "{PROJECT}"',
        "run": belongings.run,
        "run_id": belongings.run_id,
        "sweep": belongings.sweep["name"],
        "sweep_id": belongings.sweep["id"],
        "controller": belongings.sweep["controllerRunName"],
        "agent": belongings.agent["name"],
        "agent_id": belongings.agent["id"],
        "file_id": belongings.file["id"],
        "own_sweep": f'sweep(sweepName: "{own_sweep}")',
    }


def all_of(client: Client) -> str:
    """All that an entity can see of its own, but for times, signatures and signs of life."""
    status, answer = client.ask("{ models " + everything_below(SCHEMA.type_map["ProjectConnection"], 9) + " }")
    assert status == 200, answer
    text = re.sub(r"(expires|signature)=\w+", "", json.dumps(answer))
    return re.sub(r'"(heartbeatAt|updatedAt)": "[^"]*"', "", text)


def test_every_field_that_names_things_is_tried_here():
    wanted = set()
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            root = kind.name in ("Query", "Mutation")
            wanted |= {f"{kind.name}.{name}" for name, field in kind.fields.items() if root or set(field.args) - PAGING}
    assert set(ATTEMPTS) == wanted


def test_every_route_is_tried_here(tmp_path, monkeypatch):
    monkeypatch.setenv(API_KEY_VARIABLE, ALPHA_KEY)
    app = create_app(ServerSettings(data_dir=str(tmp_path)))
    assert {route.path for route in app.routes if isinstance(route, Route)} == set(PATHS)
    app.state.server.database.close()


@pytest.mark.parametrize("field", ATTEMPTS)
def test_a_field_neither_tells_nor_changes_what_is_anothers(shared, field):
    alpha, belongings, beta, own_sweep = shared
    before = all_of(alpha)
    for attempt in ATTEMPTS[field]:
        text = attempt % names_of(belongings, own_sweep)
        status, answer = beta.ask("mutation { " + text + " }" if field.startswith("Mutation.") else text)
        assert status in (200, 404), answer
        assert MARK not in json.dumps(answer)
        assert status == 404 or not field.startswith("Mutation.") or field == "Mutation.deleteFiles", answer
    assert all_of(alpha) == before
    assert alpha.fetch(f"/files/alpha/{PROJECT}/alphas-run/words.txt") == (200, MARK)


@pytest.mark.parametrize("route", PATHS)
def test_an_address_neither_tells_nor_changes_what_is_anothers(shared, route):
    alpha, belongings, beta, _ = shared
    before = all_of(alpha)
    for method, address, body in PATHS[route]:
        path = address.format(sweep=belongings.sweep["name"])
        status, text = beta.fetch(path, method, body)
        assert MARK not in text
        assert status == (200 if path in ("/", "/healthz") else 401 if "storage" in path else 404)
    assert all_of(alpha) == before


def test_whatever_one_can_see_is_ones_own(shared):
    alpha, _, beta, _ = shared
    assert MARK in all_of(alpha)
    assert MARK not in all_of(beta)
    assert "alpha" not in all_of(beta)


def test_a_link_to_a_file_is_good_for_no_other_run_and_no_other_name(shared):
    alpha, belongings, beta, _ = shared
    link = belongings.file["directUrl"].removeprefix(alpha.server.url)
    assert beta.fetch(link)[1] == MARK, "a link carries its own permission"
    _, run, rest = link.rsplit("/", 2)
    assert beta.fetch(f"/storage/{int(run) + 1}/{rest}")[0] == 401
    assert beta.fetch(f"/storage/{run}/other{rest}")[0] == 401
    assert beta.fetch(link, "PUT", "spoilt")[0] == 401


def test_a_key_that_is_taken_away_is_refused_and_a_new_one_is_known_without_a_restart(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "alpha").write_text(f"{ALPHA_KEY}\n{'c' * 40}\n")
    with running_server(tmp_path / "server", keys_dir=str(folder)) as server:
        alpha, beta = Client(server, "alpha", ALPHA_KEY), Client(server, "beta", BETA_KEY)
        second = dataclasses.replace(alpha, key="c" * 40)
        assert alpha.ask("{ viewer { entity } }")[1]["data"]["viewer"]["entity"] == "alpha"
        assert second.ask("{ viewer { entity } }")[0] == 200
        assert beta.ask("{ viewer { id } }")[0] == 401
        (folder / "alpha").write_text("c" * 40)
        (folder / "beta").write_text(BETA_KEY)
        until(lambda: beta.ask("{ viewer { id } }")[0] == 200, "beta is let in")
        until(lambda: alpha.ask("{ viewer { id } }")[0] == 401, "alpha's former key is refused")
        assert second.ask("{ viewer { id } }")[0] == 200
        (folder / "beta").write_text("too-short")
        until(lambda: beta.ask("{ viewer { id } }")[0] == 401, "beta is refused")
        assert "beta is not usable" in server.log
        assert BETA_KEY not in server.log
        assert "too-short" not in server.log


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"alpha": "short"}, "alpha is not usable"),
        ({"al pha": ALPHA_KEY}, "al pha is not usable"),
        ({"alpha": ALPHA_KEY, "beta": ALPHA_KEY}, "a key of beta is another's"),
        (None, "cannot be read"),
    ],
)
def test_a_folder_of_keys_that_cannot_be_used_is_refused_at_the_start(tmp_path, monkeypatch, files, message):
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    for name, text in (files or {}).items():
        (tmp_path / "keys").mkdir(exist_ok=True)
        (tmp_path / "keys" / name).write_text(text)
    settings = ServerSettings(data_dir=str(tmp_path), keys_dir=str(tmp_path / "keys"))
    with pytest.raises(SettingsError, match=message) as refused:
        create_app(settings)
    assert ALPHA_KEY not in str(refused.value)
