"""`wandbsweep config`: what W&B gets of a sweep, before it gets it."""

from __future__ import annotations

import json

import pytest
import yaml

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.wandb_config import wandb_config

SWEEP = "method: random\nprogram: train.py\nrun_cap: 9\nparameters: {lr: {min: 1e-5, max: 1}}\n"
TEXT = SWEEP.replace("1e-5", "0.1")
MANIFEST = """\
apiVersion: wandbsweep.dev/v1alpha1
kind: WandbSweep
metadata: {name: anymal}
spec:
  project: legs
  maxRuns: 7
  sweep: {method: random, program: train.py, parameters: {lr: {values: [0.5]}}}
"""


def test_it_is_what_the_operator_sends(said):
    done = said("config", "a.yaml", a__yaml=MANIFEST)

    assert (done.status, done.errors) == (0, "")
    definition = read_definition(yaml.safe_load(MANIFEST)["spec"]["sweep"], field="spec.sweep")
    assert yaml.safe_load(done.output) == wandb_config(
        definition,
        display_name="anymal",
        uid="<uid of the object>",
        token="<generation>-<digest>",
        max_runs=7,
        runs_per_agent=None,
        agent_count=1,
    )


def test_an_evaluation_is_in_the_command_that_w_and_b_gets(said):
    staged = MANIFEST + "  evaluation: {command: [eval.py, --episodes, '5'], timeoutSeconds: 60}\n"

    command = yaml.safe_load(said("config", "-", stdin=staged).output)["command"]

    (told,) = [word for word in command if word.startswith("--evaluation=")]
    assert json.loads(told.removeprefix("--evaluation=")) == {
        "command": ["eval.py", "--episodes", "5"],
        "timeoutSeconds": 60,
    }
    assert "a list of words" in said("config", "-", stdin=staged.replace("[eval.py, --episodes, '5']", "5")).errors


def test_of_an_object_that_exists_the_uid_is_known(said):
    live = MANIFEST.replace("{name: anymal}", "{name: anymal, uid: 3f-1, generation: 4, namespace: robots}")

    found = yaml.safe_load(said("config", "-", stdin=live).output)

    assert found["description"].startswith("wandbsweep.dev/uid: 3f-1/4-")


def test_a_sweep_yaml_is_shown_as_convert_would_have_it_sent(said):
    bare = said("config", "terrain.yaml", "-o", "json", terrain__yaml=SWEEP)
    made = said("convert", "terrain.yaml", "--image", "x", "--project", "p")

    assert bare.output == said("config", "-", "-o", "json", stdin=made.output).output
    found = json.loads(bare.output)
    assert found["name"] == "terrain"
    assert found["parameters"] == {"lr": {"distribution": "uniform", "min": 1e-5, "max": 1}}
    assert found["command"][:4] == ["wandbsweep", "trial", "${args_json}", "--"]


def test_a_definition_in_a_config_map_of_the_same_text_is_found(said):
    manifest = MANIFEST.replace(
        "sweep: {method: random, program: train.py, parameters: {lr: {values: [0.5]}}}",
        "sweepFrom: {configMapKeyRef: {name: c, key: k}}",
    )
    config_map = f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{k: {json.dumps(TEXT)}}}\n"

    found = said("config", "-", stdin=manifest + config_map)
    missing = said("config", "-", stdin=manifest)

    assert yaml.safe_load(found.output)["run_cap"] == 7
    assert missing.errors == (
        "error: standard input: has no ConfigMap c with the key k, where spec.sweepFrom has the definition; "
        "put it into the same text\n"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a.yaml: is empty"),
        ("a: [", "a.yaml: is not valid YAML"),
        (SWEEP.replace("random", "rondom"), "a.yaml: method: 'rondom' is no search method; did you mean 'random'?"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n", "a.yaml: has no WandbSweep; give the text of one"),
        (f"{MANIFEST}---\n{MANIFEST}", "a.yaml: has 2 WandbSweeps (anymal, anymal); give the text of one"),
        (MANIFEST.replace("{method: random", "{method: rondom"), "spec.sweep.method: 'rondom' is no search method"),
        (
            MANIFEST.partition("  sweep:")[0] + "  sweepID: abc\n",
            "a.yaml: joins the sweep abc, whose definition is on W&B",
        ),
    ],
)
def test_a_mistake_is_told_on_standard_error_and_nothing_is_printed(said, text, told):
    done = said("config", "a.yaml", a__yaml=text)

    assert (done.status, done.output) == (1, "")
    assert done.errors.startswith(f"error: {told}")


def test_a_file_that_is_not_there_is_an_error(said):
    assert said("config", "none.yaml").errors == "error: none.yaml: cannot be read: No such file or directory\n"


def test_wrong_usage_has_status_2(said):
    assert said("config").status == 2
    assert said("config", "a.yaml", "-o", "xml").status == 2


def test_a_base_config_that_is_not_at_hand_is_asked_for(said):
    scan = (
        "method: scan\ncommand: [python, train.py, '${config_json_file}']\n"
        "base_config: {configMapKeyRef: {name: base, key: bc.json}}\nparameters: {train.seed: {values: [1]}}\n"
    )

    done = said("config", "scan.yaml", scan__yaml=scan)

    assert (done.status, done.output) == (1, "")
    missing = "has no ConfigMap base with the key bc.json, where base_config is; put it into the same text"
    assert done.errors == f"error: scan.yaml: {missing}\n"
