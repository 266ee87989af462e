"""Two entities on one server, and what one of them has there."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servers import RunningServer

ALPHA_KEY, BETA_KEY = "a" * 40, "b" * 40
MARK = "alphas-own-words"
PROJECT = "shared-name"

_CREATE = """mutation($config: String) { upsertSweep(input: {config: $config, projectName: "shared-name",
  description: "alphas-own-words"}) { sweep { id name controllerRunName project { internalId } } } }"""
_AGENT = """mutation($sweep: String!) { createAgent(input: {host: "alphas-own-words", sweep: $sweep,
  projectName: "shared-name"}) { agent { id name } } }"""
_RUN = """mutation($run: String, $sweep: String) { upsertBucket(input: {modelName: "shared-name", name: $run,
  sweep: $sweep, host: "h", notes: "alphas-own-words", config: "{\\"x\\": {\\"value\\": \\"alphas-own-words\\"}}"}) {
  bucket { id } } }"""
_FILE = """mutation($run: String!) { createRunFiles(input: {projectName: "shared-name", runName: $run,
  files: ["words.txt"]}) { files { uploadUrl } } }"""
_FILES = """query($run: String!) { project(name: "shared-name") { run(name: $run) { files { edges {
  node { id directUrl } } } } } }"""


@dataclass
class Client:
    """One entity's way to the server."""

    server: RunningServer
    entity: str
    key: str

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        return self.server.post("/graphql", {"query": query, "variables": dict(variables or {})}, api_key=self.key)

    def data(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        status, answer = self.ask(query, variables)
        assert status == 200, answer
        return answer["data"]

    def fetch(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, str]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(self.server.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@dataclass
class Belongings:
    """What an entity has: one of each kind."""

    sweep: dict[str, Any]
    agent: dict[str, Any]
    run_id: str
    run: str = "alphas-run"
    file: dict[str, Any] = field(default_factory=dict)


def furnish(client: Client) -> Belongings:
    """A project with a sweep, an agent, a run with history and log, and a file, each with the entity's own words."""
    config = json.dumps({"method": "grid", "name": MARK, "parameters": {"x": {"values": [MARK, "y", "z"]}}})
    sweep = client.data(_CREATE, {"config": config})["upsertSweep"]["sweep"]
    agent = client.data(_AGENT, {"sweep": sweep["name"]})["createAgent"]["agent"]
    run = client.data(_RUN, {"run": "alphas-run", "sweep": sweep["name"]})["upsertBucket"]["bucket"]["id"]
    stream = {
        "wandb-history.jsonl": {"offset": 0, "content": [json.dumps({"_step": 0, "loss": 1.0, "word": MARK})]},
        "output.log": {"offset": 0, "content": [MARK]},
    }
    path = f"/files/{client.entity}/{PROJECT}/alphas-run/file_stream"
    assert client.fetch(path, "POST", {"files": stream})[0] == 200
    (upload,) = client.data(_FILE, {"run": "alphas-run"})["createRunFiles"]["files"]
    put = urllib.request.Request(upload["uploadUrl"], data=MARK.encode(), method="PUT")
    with urllib.request.urlopen(put, timeout=30) as answer:
        assert answer.status == 200
    (edge,) = client.data(_FILES, {"run": "alphas-run"})["project"]["run"]["files"]["edges"]
    return Belongings(sweep, agent, run, file=edge["node"])


def everything_below(kind: GraphQLObjectType, depth: int) -> str:
    """A selection of all fields that need no argument, as deep as that."""
    parts = []
    for name, each in kind.fields.items():
        if _needs_an_argument(each):
            continue
        below = get_named_type(each.type)
        if is_leaf_type(below):
            parts.append(name)
        elif depth and isinstance(below, GraphQLObjectType) and (inner := everything_below(below, depth - 1)):
            parts.append(f"{name} {inner}")
    return "{ " + " ".join(parts) + " }" if parts else ""


def _needs_an_argument(each: GraphQLField) -> bool:
    return any(is_required_argument(argument) for argument in each.args.values())
