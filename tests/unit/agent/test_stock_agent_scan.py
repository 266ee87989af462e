"""A scan on a real server with the stock W&B agent: each trial as it was handed out, with its file, name and values."""

from __future__ import annotations

import json
import sys

import pytest

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.cell import sent_cell
from wandbsweep.sweep.wandb_config import wandb_config
from wandbsweep.tracking.config_text import config_text

SCAN = """\
method: scan
program: train.py
command: ["${env}", "${interpreter}", "${program}", --config, "${config_json_file}"]
base_config: '{"experiment": {"name": "bc"}, "train": {"L2": 0.5, "dims": [8]}}'
parameters:
  train.L2: {values: [1.0, 0.0], name: l2}
  train.dims: {values: [[64, 64]], value_names: [big]}
"""

TRAINS = """
import json, pathlib, sys, time, wandb
text = pathlib.Path(sys.argv[2]).read_text()
with wandb.init() as run:
    told = {"name": run.name, "file": text, "started": time.time()}
    pathlib.Path(f"told-{run.id}.json").write_text(json.dumps(told))
    run.log({"reward": 1.0})
"""

# Two agent ticks of 5 s for each run, on a machine that does other things too.
pytestmark = pytest.mark.timeout(180)


ENQUEUE = """mutation($id: ID!, $config: JSONString!) { enqueueSweepRun(input: {id: $id, config: $config}) { id } }"""
SWEEP_ID = """query($entity: String, $project: String, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { id } } }"""


@pytest.fixture
def sweep(server):
    """The scan on W&B, its trials handed out as its search does; the sweep's path."""
    definition = read_definition(SCAN, field="scan.yaml")
    config = wandb_config(
        definition, display_name="scan", uid="u", token="1-t", max_runs=None, runs_per_agent=None, agent_count=1
    )
    path = server.create_sweep("lab", config_text(config))
    entity, project, name = path.split("/")
    named = {"entity": entity, "project": project, "sweep": name}
    (identity,) = server.graphql(SWEEP_ID, named)["project"]["sweep"].values()
    for cell in definition.trials:
        values = {"scan": sent_cell(cell), "l2": cell.values["train.L2"], "dims": "big"}
        recorded = {key: {"value": value} for key, value in values.items()}
        server.graphql(ENQUEUE, {"id": identity, "config": json.dumps(recorded)})
    return path


def test_a_scan_is_run_to_its_end(server, sweep, runtime, environ, spawn, observe, tmp_path):
    (tmp_path / "train.py").write_text(TRAINS)
    environ.update(
        {
            "WANDBSWEEP_SWEEP": sweep,
            "WANDBSWEEP_PYTHON": sys.executable,
            "WANDBSWEEP_RUNS_PER_AGENT": "2",
            "WANDB_BASE_URL": server.url,
            "WANDB_API_KEY": server.api_key,
            "WANDB_DISABLE_GIT": "true",
            "WANDB_X_DISABLE_STATS": "true",
        }
    )

    pod = observe(spawn([runtime / "bin" / "wandbsweep-agent"], environ))

    assert pod.exit_code(150) == 0, pod.log
    told = [json.loads(path.read_text()) for path in tmp_path.glob("told-*.json")]
    told.sort(key=lambda each: each["started"])
    assert [each["name"] for each in told] == ["bc_l2_1.0_dims_big", "bc_l2_0.0_dims_big"]
    contents = [
        {
            "experiment": {"name": name},
            "train": {"L2": l2, "dims": [64, 64]},
            "meta": {"hp_base_config_file": None, "hp_keys": ["l2", "dims"], "hp_values": [l2, "big"]},
        }
        for name, l2 in (("bc_l2_1.0_dims_big", 1.0), ("bc_l2_0.0_dims_big", 0.0))
    ]
    assert [each["file"] for each in told] == [json.dumps(content, indent=4) for content in contents]
