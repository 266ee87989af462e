"""`wandbsweep trial` for scans and base configurations: the trainer gets its JSON file, the run the trial's name."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from wandbsweep.sweep.rendering.cell import Cell, sent_cell
from wandbsweep.sweep.rendering.launch import ARGS_MACRO, SCAN, launch_words

TELLS = """
import json, os, pathlib, sys
path = pathlib.Path(sys.argv[sys.argv.index("--config") + 1])
told = {"name": os.environ.get("WANDB_NAME"), "path": str(path), "text": path.read_text(), "argv": sys.argv[1:]}
print(json.dumps(told))
"""

BASE = {"experiment": {"name": "bc"}, "train": {"L2": 0.0, "text": "${envvar:HOME} $x"}}
CELL = Cell("bc_l2_1e-05", {"train.L2": 1e-05}, {})
SHORT_NAMES = {"train.L2": "l2"}


@pytest.fixture
def trainer(script):
    return script("train.py", TELLS)


@pytest.fixture
def run(runtime, environ, tmp_path):
    """Runs one trial to its end, its command line as W&B's agent fills it in."""

    def start(words, values, **variables):
        filled = [json.dumps(values) if word == ARGS_MACRO else word for word in words]
        return subprocess.run(
            [runtime / "bin" / "wandbsweep", *filled[1:]],
            env={**environ, "WANDB_RUN_ID": "r1", **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return start


def command(trainer):
    return [str(trainer), "--config", "${config_json_file}"]


def test_a_trial_of_a_scan_gets_its_file_and_its_name(run, trainer, environ):
    words = launch_words(command(trainer), short_names=SHORT_NAMES, base_config=BASE, base_config_file="/tmp/base.json")

    done = run(words, {SCAN: sent_cell(CELL)})

    told = json.loads(done.stdout)
    assert told["name"] == "bc_l2_1e-05"
    assert told["path"] == f"{environ['WANDBSWEEP_HOME']}/configs/r1/bc_l2_1e-05.json"
    content = {
        "experiment": {"name": "bc_l2_1e-05"},
        "train": {"L2": 1e-05, "text": "${envvar:HOME} $x"},
        "meta": {"hp_base_config_file": "/tmp/base.json", "hp_keys": ["l2"], "hp_values": [1e-05]},
    }
    assert told["text"] == json.dumps(content, indent=4)
    assert [path.name for path in Path(told["path"]).parent.iterdir()] == ["bc_l2_1e-05.json"]


def test_a_name_that_the_user_gave_the_run_stays(run, trainer):
    words = launch_words(command(trainer), short_names=SHORT_NAMES, base_config=BASE)
    assert json.loads(run(words, {SCAN: sent_cell(CELL)}, WANDB_NAME="mine").stdout)["name"] == "mine"


def test_the_values_fill_the_macros_beside_the_file(run, trainer):
    words = launch_words([*command(trainer), "${args_no_hyphens}"], short_names=SHORT_NAMES, base_config=BASE)
    assert json.loads(run(words, {SCAN: sent_cell(CELL)}).stdout)["argv"][2:] == ["train.L2=1e-05"]


def test_other_methods_get_a_file_too_and_no_name(run, trainer, environ):
    done = run(launch_words(command(trainer), base_config=BASE), {"train.L2": 0.25})

    told = json.loads(done.stdout)
    assert (told["name"], told["path"]) == (None, f"{environ['WANDBSWEEP_HOME']}/configs/r1/config.json")
    assert json.loads(told["text"])["train"]["L2"] == 0.25
    assert json.loads(told["text"])["experiment"]["name"] == "bc"


def test_each_run_has_a_file_of_its_own(run, trainer):
    words = launch_words(command(trainer), base_config=BASE)
    paths = {json.loads(run(words, {}, WANDB_RUN_ID=run_id).stdout)["path"] for run_id in ("r1", "r2")}
    assert len(paths) == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": 0.1}, "what W&B handed out is no trial of this scan"),
        ({SCAN: sent_cell(Cell("n", {"train.L2.x": 1}, {}))}, "it has no value for 'train.L2'"),
    ],
)
def test_what_is_no_trial_of_the_scan_starts_nothing(values, message, run, trainer, environ):
    done = run(launch_words(command(trainer), short_names=SHORT_NAMES, base_config=BASE), values)

    assert (done.returncode, done.stdout) == (64, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    outcome = json.loads((Path(environ["WANDBSWEEP_HOME"]) / "outcomes" / "r1.json").read_text())
    assert (outcome["outcome"], outcome["exitCode"]) == ("failed", 64)


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(run, trainer):
    done = run(launch_words(command(trainer), base_config=BASE), {}, WANDBSWEEP_HOME="/proc/nowhere")
    assert done.returncode == 64
    assert "cannot write /proc/nowhere/configs/r1/config.json for the trainer" in done.stderr
    assert "set WANDBSWEEP_HOME elsewhere" in done.stderr


def test_a_base_configuration_as_large_as_an_argument_can_be_arrives(run, trainer):
    large = {**BASE, "x": "y" * (130_900)}
    told = json.loads(run(launch_words(command(trainer), base_config=large), {}).stdout)
    assert json.loads(told["text"])["x"] == large["x"]
