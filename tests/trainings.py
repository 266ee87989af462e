"""Definitions of other systems on their way: converted, trained in a cluster, and read back from W&B."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from waiting import until

if TYPE_CHECKING:
    from installed import Installed

    Manifest = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
VERBATIM = ROOT / "tests/systems"
EXAMPLES = ROOT / "examples"
IMAGE = "localhost/wandbsweep/trainer-cpu:dev"

_RUNS = """
query Runs($entity: String!, $project: String!, $sweep: String!) {
    project(name: $project, entityName: $entity) {
        sweep(sweepName: $sweep) { runs { edges { node { name displayName state config summaryMetrics tags } } } }
    }
}
"""
_FILE = """
query File($entity: String!, $project: String!, $run: String!, $file: String!) {
    project(name: $project, entityName: $entity) {
        run(name: $run) { files(names: [$file]) { edges { node { url } } } }
    }
}
"""


@dataclass(frozen=True)
class Run:
    """A run as W&B has it: what was sampled for it, and under `parsed` what its trainer understood."""

    name: str
    display_name: str
    state: str
    config: dict[str, Any]
    summary: dict[str, Any]
    tags: tuple[str, ...]

    @property
    def parsed(self) -> Any:
        return self.config["parsed"]

    def parsed_at(self, path: str) -> Any:
        """The trainer's value at a dotted path."""
        value = self.parsed
        for name in path.split("."):
            value = value[name]
        return value


def wandbsweep(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """The command line, as a user calls it."""
    command = [sys.executable, "-m", "wandbsweep", *arguments]
    return subprocess.run(command, check=False, text=True, capture_output=True, input=text)


def converted(*arguments: str) -> Manifest:
    """The manifest that `wandbsweep convert` prints."""
    done = wandbsweep("convert", *arguments, "--image", IMAGE)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest: Manifest = yaml.safe_load(done.stdout)
    return manifest


def example(system: str) -> Manifest:
    """The manifest in examples/."""
    manifest: Manifest = yaml.safe_load((EXAMPLES / system / "sweep.yaml").read_text())
    return manifest


def in_the_pod_of_the_example(manifest: Manifest, system: str) -> Manifest:
    """As a user completes what was converted: the pod's limits, its security, the folder of the training scripts."""
    return {**manifest, "spec": {**manifest["spec"], "template": example(system)["spec"]["template"]}}


def train(installed: Installed, namespace: str, manifest: Manifest) -> list[Run]:
    """Apply, wait until the sweep is over, and give its runs. All of them have finished."""
    installed.apply(namespace, manifest)
    name = manifest["metadata"]["name"]
    until(lambda: installed.sweep(namespace, name).get("completionTime"), "the sweep is over", seconds=600, every=1)
    status = installed.sweep(namespace, name)
    runs = runs_of(installed, status)
    assert status["phase"] == "Succeeded", status
    assert {run.state for run in runs} == {"finished"}
    return runs


def runs_of(installed: Installed, status: dict[str, Any]) -> list[Run]:
    """The runs of an object's sweep, asked for over HTTP."""
    answer = graphql(installed, _RUNS, **_project_of(status), sweep=status["sweepID"])
    return [_run(edge["node"]) for edge in answer["project"]["sweep"]["runs"]["edges"]]


def file_of(installed: Installed, status: dict[str, Any], run: Run, file: str) -> bytes:
    """A file that a run of an object's sweep has saved on W&B."""
    answer = graphql(installed, _FILE, **_project_of(status), run=run.name, file=file)
    (edge,) = answer["project"]["run"]["files"]["edges"]
    path = urlsplit(edge["node"]["url"])
    request = urllib.request.Request(f"{installed.server_url}{path.path}?{path.query}", headers=_key(installed))
    with urllib.request.urlopen(request, timeout=30) as response:
        content: bytes = response.read()
        return content


def _project_of(status: dict[str, Any]) -> dict[str, str]:
    entity, project = urlsplit(status["sweepURL"]).path.split("/")[1:3]
    return {"entity": entity, "project": project}


def _key(installed: Installed) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'api:{installed.api_key}'.encode()).decode()}"}


def graphql(installed: Installed, query: str, **variables: str) -> Any:
    """The data that the embedded server in the cluster answers with."""
    request = urllib.request.Request(
        f"{installed.server_url}/graphql",
        data=json.dumps({"query": query, "variables": variables}).encode(),
        headers={**_key(installed), "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["data"]


def _run(node: dict[str, Any]) -> Run:
    config = {name: entry["value"] for name, entry in json.loads(node["config"]).items() if name != "_wandb"}
    summary = json.loads(node["summaryMetrics"] or "{}")
    return Run(node["name"], node["displayName"], node["state"], config, summary, tuple(node["tags"]))
