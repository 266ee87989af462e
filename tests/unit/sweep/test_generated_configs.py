"""What ConfigGenerator wrote comes back as the scan it was: the same trials, in the same order, with the same files."""

from __future__ import annotations

import copy
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.scan.generated_configs import GeneratedConfig, is_generated, read_back
from wandbsweep.sweep.scan.in_kubernetes import for_kubernetes
from wandbsweep.sweep.scan.scanned_settings import NoScanError
from wandbsweep.sweep.texts.kubernetes import as_json_stores_it
from wandbsweep.sweep.trials.trials import known_beforehand, trial_of

COMMAND = ("python", "train.py", "--config", "${config_json_file}")
BASE = {
    "algo_name": "bc",
    "experiment": {"name": "bc_rnn", "logging": {"log_wandb": True}},
    "train": {"seq_length": 1, "data": "/tmp/a.hdf5", "lr": 0.5},
    "algo": {"rnn": {"horizon": 10, "hidden_dim": 400, "enabled": False}, "layers": [1024, 1024], "gmm": {"on": True}},
}


def files_of(definition):
    """The files of a scan by the names of its trials."""
    read = read_definition(as_json_stores_it(for_kubernetes(definition)), field="scan")
    trials = [trial_of(read, recorded) for recorded in known_beforehand(read)]
    return {trial.name: json.loads(text) for trial in trials for text in trial.files.values()}


def scan(*items, base=BASE, file="base.json"):
    return {
        "method": "scan",
        "command": list(COMMAND),
        "base_config": copy.deepcopy(base),
        "base_config_file": file,
        "parameters": list(items),
    }


def read(files, *, in_order=True):
    configs = [GeneratedConfig(f"{name}.json", content) for name, content in files.items()]
    return read_back(configs, COMMAND, in_order=in_order)


PLR = {"key": "train.lr", "name": "plr", "group": 1, "values": [0.5, 1e-4]}
GMM = {"key": "algo.gmm.on", "name": "gmm", "group": 2, "values": [True, False], "value_names": ["t", "f"]}
DIM = {"key": "algo.rnn.hidden_dim", "name": "rnnd", "group": 3, "values": [400, 1000]}
MLP = {"key": "algo.layers", "name": "mlp", "group": 3, "values": [[1024, 1024], []], "value_names": ["1024", "0"]}
FIXED = {"key": "train.seq_length", "name": "", "group": 0, "values": [10]}
QUIET = {"key": "algo.rnn.horizon", "name": "", "group": 3, "values": [10, 20]}
HIDDEN = {"key": "train.data", "name": "ds", "group": 2, "values": ["/a", "/b"], "hidename": True}
ONE = {"key": "algo.rnn.enabled", "name": "rnn", "group": -1, "values": [True]}
SECTION = {"key": "algo.gmm", "name": "g", "group": 5, "values": [{"on": True, "k": 2}, {"on": False}],
           "value_names": ["a", "b"]}  # fmt: skip


@pytest.mark.parametrize(
    "items",
    [
        (PLR, GMM, DIM, MLP),
        (FIXED, DIM, PLR, MLP, QUIET),
        (GMM, HIDDEN, PLR),
        (QUIET, PLR, DIM),
        (ONE, MLP, DIM),
        (SECTION, PLR),
        (ONE,),
    ],
    ids=["tutorial", "fixed and quiet", "hidden", "quiet first", "one value", "sections", "one trial"],
)
def test_a_scan_comes_back_with_its_trials_in_their_order(items):
    files = files_of(scan(*items))

    found = read(files)

    assert list(files_of(found).items()) == list(files.items())


def test_the_tutorials_scan_comes_back_as_it_was_written():
    found = read(files_of(scan(PLR, GMM, DIM, MLP)))

    assert found["parameters"] == [PLR, GMM, DIM, MLP]
    assert found["base_config"] == BASE
    assert found["base_config_file"] == "base.json"


def test_files_in_the_order_of_their_names_are_the_same_trials():
    files = files_of(scan(PLR, GMM, DIM, MLP))

    found = read(dict(sorted(files.items())), in_order=False)

    assert files_of(found) == files
    assert {item["group"] for item in found["parameters"]} == {1, 2, 3}


def test_a_part_of_a_scan_is_zipped_in_the_order_of_the_files():
    files = dict(itertools.islice(files_of(scan(PLR, GMM, DIM)).items(), 5))

    found = read(files)

    assert list(files_of(found).items()) == list(files.items())
    assert {item["group"] for item in found["parameters"]} == {1}


KEYS = ["train.lr", "train.seq_length", "algo.rnn.horizon", "algo.rnn.hidden_dim", "algo.layers"]
VALUES = st.sampled_from([0, 1, 2.5, 1.0, "a", None, ["b", 3], [], True])


@st.composite
def scans(draw):
    lengths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    items = []
    for number, key in enumerate(draw(st.permutations(KEYS))[: draw(st.integers(1, 4))]):
        group = draw(st.integers(0, len(lengths) - 1))
        different = st.lists(VALUES, min_size=lengths[group], max_size=lengths[group], unique_by=json.dumps)
        item = {"key": key, "name": f"p{number}", "group": group, "values": draw(different)}
        if draw(st.booleans()) and lengths[group] > 1:
            item["value_names"] = [f"v{index}" for index in range(lengths[group])]
        items.append(item)
    return scan(*items)


@settings(max_examples=60, deadline=None)
@given(scans())
def test_any_scan_comes_back(definition):
    files = files_of(definition)

    assert list(files_of(read(files)).items()) == list(files.items())


def changed(files, change):
    files = copy.deepcopy(files)
    change(next(iter(files.values())))
    return files


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda config: config.pop("meta"), "no `meta` section"),
        (lambda config: config["meta"].update(hp_values=[]), "has not one value for each"),
        (lambda config: config["meta"].update(hp_keys=["x", "y"]), "not of one scan"),
        (lambda config: config.pop("experiment"), "no experiment.name"),
        (lambda config: config["meta"].update(hp_values=["a", "a"]), "no setting changes as 'plr'"),
        (lambda config: config["experiment"].update(name="other"), "the scan that the configurations tell of is none"),
    ],
)
def test_what_is_no_scan_is_an_error_that_says_why(change, told):
    with pytest.raises(NoScanError, match=told):
        read(changed(files_of(scan(PLR, DIM)), change))


def test_only_what_a_scan_wrote_is_taken_for_it():
    (config, *_) = files_of(scan(PLR)).values()

    assert is_generated(config)
    assert not is_generated(BASE)
    assert not is_generated([config])
    assert not is_generated({"meta": {"author": "me"}})
