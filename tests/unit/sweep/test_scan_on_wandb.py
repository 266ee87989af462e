"""What W&B gets of a scan, and that each trial comes back from it as it was."""

import json
import warnings

import pytest
import yaml

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.on_wandb import scan_on_wandb
from wandbsweep.sweep.rendering.cell import CellError, sent_cell
from wandbsweep.sweep.rendering.launch import LaunchError
from wandbsweep.sweep.trials.trials import trial_of
from wandbsweep.sweep.wandb_config import effective_run_cap, grid_size, wandb_config
from wandbsweep.tracking.config_text import config_text, parse_config

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package still declares its models as for pydantic 1
    import sweeps

SCAN = """\
method: scan
command: [python, train.py, --config, "${config_json_file}"]
metric: {name: reward, goal: maximize}
early_terminate: {type: hyperband, min_iter: 3}
base_config: '{"experiment": {"name": "bc"}, "algo": {"lr": 0.1}, "train": {}}'
base_config_file: /tmp/base.json
parameters:
  train.L2: {values: [0.0, 1.0, 1.0e-5], group: 1}
  train.data: {values: [{z: 1.0}, {a: 2}, {}], group: 1, value_names: [z, a, none], name: data}
  algo.lr: {values: [0.1, 1.0], name: lr}
"""
OBJECT = {
    "display_name": "anymal",
    "uid": "u1",
    "token": "1-t",
    "max_runs": None,
    "runs_per_agent": 2,
    "agent_count": 3,
}
NAMES = [
    "bc_L2_0.0_data_z_lr_0.1",
    "bc_L2_0.0_data_z_lr_1.0",
    "bc_L2_1.0_data_a_lr_0.1",
    "bc_L2_1.0_data_a_lr_1.0",
    "bc_L2_1e-05_data_none_lr_0.1",
    "bc_L2_1e-05_data_none_lr_1.0",
]


@pytest.fixture(scope="module")
def definition():
    return read_definition(SCAN, field="scan.yaml")


@pytest.fixture(scope="module")
def sent(definition):
    return wandb_config(definition, **OBJECT)


def sent_to_wandb(text):
    return wandb_config(read_definition(text, field="scan.yaml"), **OBJECT)


def as_go_stores_it(value):
    """What comes back from a server that reads JSON into Go's maps and numbers."""
    if isinstance(value, dict):
        return {key: as_go_stores_it(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [as_go_stores_it(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def test_wandb_gets_the_trials_as_the_values_of_one_parameter_that_it_does_not_search(sent):
    assert sent["method"] == "custom"
    assert list(sent["parameters"]) == ["scan"]
    assert [cell["name"] for cell in sent["parameters"]["scan"]["values"]] == NAMES
    assert sent["command"][:2] == ["wandbsweep", "trial"]
    assert sent["command"][-6:] == ["${args_json}", "--", "python", "train.py", "--config", "$${config_json_file}"]
    assert sent.keys().isdisjoint({"base_config", "base_config_file", "run_cap"})
    assert (sent["metric"], sent["early_terminate"]) == (
        {"name": "reward", "goal": "maximize"}, {"type": "hyperband", "min_iter": 3},
    )  # fmt: skip


def test_what_wandb_checks_it_accepts(sent):
    assert sweeps.schema_violations_from_proposed_config(parse_config(config_text(sent))) == []


@pytest.mark.parametrize("stored", [lambda value: value, as_go_stores_it], ids=["exact", "as Go stores it"])
def test_each_trial_comes_back_as_it_was_and_in_order(stored, definition, sent):
    cells, short_names = scan_on_wandb(stored(parse_config(config_text(sent))))

    handed_out = [stored(json.loads(json.dumps(sent_cell(cell)))) for cell in cells]
    trials = [trial_of(definition, {"scan": cell}) for cell in handed_out]
    assert [trial.name for trial in trials] == NAMES
    assert [json.dumps(trial.values) for trial in trials] == [json.dumps(cell.values) for cell in definition.trials]
    assert short_names == {"train.L2": "L2", "train.data": "data", "algo.lr": "lr"}


def test_a_scan_without_a_metric_gets_one_that_nobody_logs():
    config = sent_to_wandb("{method: scan, program: t, parameters: {a: {values: [1, 2]}}}")
    assert config["metric"] == {"name": "wandbsweep/none", "goal": "minimize"}
    assert sweeps.schema_violations_from_proposed_config(config) == []


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"parameters": {"scan": {"values": []}}},
        {"parameters": {"scan": {"values": [{"name": "a"}]}}},
        {"parameters": {"scan": {"values": [{"name": "a", "values": {"lr": 1}}]}}, "command": ["python", "t.py"]},
    ],
)
def test_a_sweep_from_elsewhere_is_no_scan(config):
    with pytest.raises((CellError, LaunchError)):
        scan_on_wandb(config)


def test_the_budget_is_the_number_of_trials(definition):
    assert grid_size(definition) == 6
    assert effective_run_cap(definition, max_runs=None, runs_per_agent=2, agent_count=3) is None
    assert effective_run_cap(definition, max_runs=4, runs_per_agent=2, agent_count=3) == 4


def test_the_file_of_a_trial_has_its_exact_values(definition, sent):
    trial = trial_of(definition, {"scan": as_go_stores_it(sent["parameters"]["scan"]["values"][1])})
    assert trial.argv == ("python", "train.py", "--config", "bc_L2_0.0_data_z_lr_1.0.json")
    assert json.loads(trial.files["bc_L2_0.0_data_z_lr_1.0.json"]) == {
        "experiment": {"name": "bc_L2_0.0_data_z_lr_1.0"},
        "algo": {"lr": 1.0},
        "train": {"L2": 0.0, "data": {"z": 1.0}},
        "meta": {
            "hp_base_config_file": "/tmp/base.json",
            "hp_keys": ["L2", "data", "lr"],
            "hp_values": [0.0, "z", 1.0],
        },
    }
    assert '"L2": 0.0' in trial.files["bc_L2_0.0_data_z_lr_1.0.json"]


def test_a_run_of_another_sweep_is_no_trial_of_the_scan(definition):
    with pytest.raises(LaunchError, match="is no trial of this scan"):
        trial_of(definition, {"lr": 0.1})


def test_a_thousand_trials_can_be_scanned():
    text = yaml.safe_dump({"method": "scan", "program": "t", "parameters": {"a": {"values": list(range(1000))}}})
    assert len(read_definition(text, field="scan.yaml").trials) == 1000
