"""`wandbsweep convert`: definitions of any system in, manifests that `kubectl apply` takes out."""

from __future__ import annotations

import json

import pytest
import yaml

SWEEP = """\
# Which rate?
method: random
program: train.py
project: legs
name: Rough Terrain!
parameters:
  lr: {min: 1e-5, max: 1}   # wide
"""
GIVEN = ("--image", "lab/isaac:1", "--max-runs", "10")


@pytest.fixture
def convert(said):
    def run(*words, **more):
        return said("convert", *words, **more)

    return run


def test_a_sweep_yaml_becomes_an_object_around_the_very_same_text(convert):
    done = convert("sweep.yaml", *GIVEN, sweep__yaml=SWEEP)

    assert (done.status, done.errors) == (0, "")
    assert done.output == (
        "apiVersion: wandbsweep.dev/v1alpha1\n"
        "kind: WandbSweep\n"
        "metadata:\n"
        "  name: rough-terrain\n"
        "spec:\n"
        "  agentCount: 1\n"
        "  maxRuns: 10\n"
        "  sweep:\n"
        "    # Which rate?\n"
        "    method: random\n"
        "    program: train.py\n"
        "    project: legs\n"
        "    name: Rough Terrain!\n"
        "    parameters:\n"
        "      lr: {min: 1e-5, max: 1}   # wide\n"
        "  template:\n"
        "    spec:\n"
        "      securityContext:\n"
        "        runAsNonRoot: true\n"
        "        runAsUser: 1000\n"
        "        runAsGroup: 1000\n"
        "        fsGroup: 1000\n"
        "        seccompProfile:\n"
        "          type: RuntimeDefault\n"
        "      containers:\n"
        "        - name: trainer\n"
        "          image: lab/isaac:1\n"
        "          resources:\n"
        "            limits:\n"
        "              nvidia.com/gpu: 1\n"
        "          securityContext:\n"
        "            allowPrivilegeEscalation: false\n"
        "            capabilities:\n"
        "              drop: [ALL]\n"
        "          volumeMounts:\n"
        "            - name: tmp\n"
        "              mountPath: /tmp\n"
        "      volumes:\n"
        "        - name: tmp\n"
        "          emptyDir: {}\n"
    )


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("interactive-navigation/sweep.yaml", "sweep"),
        ("agile/sweep.yaml", "sweep"),
        ("gymnasium-solver/quick_ppo_grid.yaml", "quick-ppo-grid"),
        ("metta/quick.yaml", "quick"),
    ],
)
def test_every_systems_own_example_converts_word_for_word_and_without_a_finding(convert, systems, file, name):
    done = convert(systems / file, *GIVEN, "--project", "anymal")

    assert (done.status, done.errors) == (0, "")
    manifest = yaml.safe_load(done.output)
    assert manifest["metadata"]["name"] == name
    assert manifest["spec"]["sweep"] == yaml.safe_load((systems / file).read_text())
    lines = [line.strip() for line in done.output.splitlines()]
    assert all(line.strip() in lines for line in (systems / file).read_text().splitlines())


def test_flags_win_over_the_environment_and_the_environment_over_the_file(convert, monkeypatch):
    def spec(*words):
        return yaml.safe_load(convert("sweep.yaml", *GIVEN, *words, sweep__yaml=SWEEP).output)["spec"]

    assert "project" not in spec()
    assert spec()["sweep"]["project"] == "legs"
    monkeypatch.setenv("WANDB_PROJECT", "")
    assert "project" not in spec()
    monkeypatch.setenv("WANDB_PROJECT", "from-environment")
    monkeypatch.setenv("WANDB_ENTITY", "team")
    assert (spec()["project"], spec()["entity"]) == ("from-environment", "team")
    found = spec("--project", "from-flag", "--entity", "other")
    assert (found["project"], found["entity"]) == ("from-flag", "other")


def test_what_a_file_says_of_its_account_deeper_inside_is_lifted(convert):
    job = "sweep_run: night\nwandb: {project: metta, entity: team}\nsweep: {metric: reward, method: bayes, run_cap: 5,"
    job += " parameters: {lr: {distribution: log_normal, min: 0.001, max: 0.1}}, protein: {}}\n"

    done = convert("job.yaml", *GIVEN, job__yaml=job)

    assert (done.status, done.errors) == (0, "")
    manifest = yaml.safe_load(done.output)
    assert manifest["metadata"]["name"] == "night"
    assert (manifest["spec"]["project"], manifest["spec"]["entity"]) == ("metta", "team")
    assert manifest["spec"]["sweep"] == yaml.safe_load(job)


def test_without_a_project_anywhere_it_names_the_three_ways(convert):
    done = convert("sweep.yaml", *GIVEN, sweep__yaml=SWEEP.replace("project: legs\n", ""))

    assert (done.status, done.output) == (1, "")
    assert done.errors == (
        "error: no W&B project is named; give it with --project, in the environment variable WANDB_PROJECT, "
        "or as `project:` in the definition\n"
    )


def test_count_and_runs_per_worker_make_the_number_of_agents(convert):
    done = convert(
        "sweep.yaml", "--image", "x", "--max-runs", "50", "--runs-per-agent", "5", "-o", "json", sweep__yaml=SWEEP
    )

    spec = json.loads(done.output)["spec"]
    assert (spec["agentCount"], spec["runsPerAgent"], spec["maxRuns"]) == (10, 5, 50)


def test_standard_input_needs_a_name_if_the_definition_has_none(convert):
    nameless = SWEEP.replace("name: Rough Terrain!\n", "")

    refused = convert("-", *GIVEN, stdin=nameless)
    named = convert("-", *GIVEN, "--name", "rough", "-n", "robots", stdin=nameless)

    assert refused.errors == "error: standard input: no name can be made for the object; give one with --name\n"
    assert yaml.safe_load(named.output)["metadata"] == {"name": "rough", "namespace": "robots"}


def test_a_sweep_that_exists_is_joined_with_or_without_a_file(convert):
    alone = convert("--sweep-id", "nkbj7529", "--image", "x", "--project", "legs")
    beside = convert("sweep.yaml", "--sweep-id", "nkbj7529", "--image", "x", sweep__yaml=SWEEP)

    for done, name in ((alone, "nkbj7529"), (beside, "rough-terrain")):
        manifest = yaml.safe_load(done.output)
        assert manifest["metadata"]["name"] == name
        assert (manifest["spec"]["sweepID"], manifest["spec"]["project"]) == ("nkbj7529", "legs")
        assert "sweep" not in manifest["spec"]


MANIFEST = """\
apiVersion: wandbsweep.dev/v1alpha1
kind: WandbSweep
metadata: {name: mine, labels: {team: legs}}
spec:
  project: legs
  sweepFrom: {configMapKeyRef: {name: mine, key: sweep.yaml}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: mine}
data:
  sweep.yaml: |
    method: grid
    program: train.py
    parameters: {lr: {values: [1]}}
"""


def test_a_manifest_is_completed_and_what_stands_beside_it_stays(convert):
    done = convert("mine.yaml", "--image", "lab/isaac:1", "--agents", "3", mine__yaml=MANIFEST)

    assert (done.status, done.errors) == (0, "")
    sweep, config_map = yaml.safe_load_all(done.output)
    assert sweep["metadata"] == {"name": "mine", "labels": {"team": "legs"}}
    assert list(sweep["spec"]) == ["project", "agentCount", "sweepFrom", "template"]
    assert sweep["spec"]["template"]["spec"]["containers"][0]["image"] == "lab/isaac:1"
    assert config_map == list(yaml.safe_load_all(MANIFEST))[1]


def test_several_files_become_several_objects(convert):
    other = SWEEP.replace("Rough Terrain!", "other")

    as_yaml = convert("a.yaml", "b.yaml", *GIVEN, a__yaml=SWEEP, b__yaml=other)
    as_json = convert("a.yaml", "b.yaml", *GIVEN, "-o", "json")
    named = convert("a.yaml", "b.yaml", *GIVEN, "--name", "one")

    names = [item["metadata"]["name"] for item in yaml.safe_load_all(as_yaml.output)]
    assert names == ["rough-terrain", "other"]
    listed = json.loads(as_json.output)
    assert (listed["kind"], [item["metadata"]["name"] for item in listed["items"]]) == ("List", names)
    assert (named.status, named.output) == (1, "")


def test_what_would_be_refused_is_not_printed(convert):
    done = convert("sweep.yaml", *GIVEN, sweep__yaml=SWEEP.replace("random", "rondom"))

    assert (done.status, done.output) == (1, "")
    assert done.errors == "error: sweep.yaml: method: 'rondom' is no search method; did you mean 'random'?\n"


def test_what_the_object_adds_is_checked_too(convert):
    done = convert("sweep.yaml", *GIVEN, "--name", "Rough_Terrain", sweep__yaml=SWEEP)

    assert (done.status, done.output) == (1, "")
    assert done.errors.startswith("error: sweep.yaml: metadata.name: ")


def test_warnings_are_told_beside_the_object(convert):
    done = convert("sweep.yaml", "--image", "x", sweep__yaml=SWEEP)

    assert done.status == 0
    assert done.errors.startswith("warning: sweep.yaml: ")
    assert yaml.safe_load(done.output)["kind"] == "WandbSweep"


def test_wrong_usage_is_told_with_status_2(convert):
    assert convert().status == 2
    assert convert("sweep.yaml", "--agents", "-1").status == 2
    assert convert("sweep.yaml", "--max-runs", "0").status == 2


@pytest.fixture
def generated(said, systems, tmp_path):
    """What ConfigGenerator wrote for the tutorial: eight JSON files."""
    files = {}
    definition = (systems / "robomimic" / "hyperparam_helper.py").read_text()
    module = {"__name__": "helper"}
    exec(compile(definition, "helper", "exec"), module)
    module["make_generator"](systems / "robomimic" / "base.json", tmp_path / "scan.yaml").generate()
    for trial in json.loads(said("preview", "scan.yaml", "-n", "all", "-o", "json").output):
        ((name, text),) = trial["files"].items()
        (tmp_path / name).write_text(text)
        files[name] = json.loads(text)
    (tmp_path / "out.sh").write_text(moved_script(systems))
    return files


def moved_script(systems):
    """The tutorial's script, whose files are not where it was written any more."""
    return (systems / "robomimic" / "out.sh").read_text().replace("/tmp/gen_configs/", "/no/such/folder/")


@pytest.mark.parametrize("from_script", [True, False], ids=["script", "JSON files"])
def test_what_config_generator_wrote_becomes_the_scan_it_was(said, generated, from_script):
    files = ["out.sh"] if from_script else sorted(generated)
    done = said("convert", *files, "--image", "x", "--project", "p")

    assert (done.status, done.errors) == (0, "")
    manifest = yaml.safe_load(done.output)
    assert manifest["metadata"]["name"] == "bc-rnn-hyper"
    assert manifest["spec"]["sweep"]["command"] == ["python", "train.py", "--config", "${config_json_file}"]
    trials = json.loads(said("preview", "-", "-n", "all", "-o", "json", stdin=done.output).output)
    assert {name: json.loads(text) for trial in trials for name, text in trial["files"].items()} == generated
    if from_script:
        assert [trial["name"] + ".json" for trial in trials] == list(generated)


def test_a_script_whose_files_are_elsewhere_says_so(convert, systems):
    done = convert("out.sh", "--image", "x", "--project", "p", out__sh=moved_script(systems))

    assert (done.status, done.output) == (1, "")
    assert done.errors.startswith("error: bc_rnn_hyper_plr_0.001_gmm_t_rnnd_400_mlp_1024.json: cannot be read")
    assert "run convert where that is, or put it beside the script" in done.errors


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("hyperparam_helper.py", "run it with `import wandbsweep.config_generator as HyperparamUtils`"),
        ("base.json", "is a configuration for one training, without the `meta` of a scan"),
    ],
)
def test_what_only_leads_to_a_scan_says_how(convert, systems, file, told):
    done = convert(systems / "robomimic" / file, "--image", "x", "--project", "p")

    assert (done.status, done.output) == (1, "")
    assert told in done.errors


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("python train.py --config a.json\ncd /tmp\n", "line 2 is no training with --config and a file"),
        ("python train.py --config a.json\npython other.py --config=b.json\n", "line 2 runs another command"),
        ("python train.py --config a.json 'x\n", "line 1 is no command"),
    ],
)
def test_a_script_that_does_something_else_is_refused(convert, script, told):
    done = convert(
        "out.sh", "--image", "x", "--project", "p", out__sh=f"#!/bin/bash\n\n{script}".replace("line", "line")
    )

    assert (done.status, done.output) == (1, "")
    assert told.replace("line 2", "line 4").replace("line 1", "line 3") in done.errors


def test_a_scan_keeps_its_order_and_its_base_configuration_in_kubernetes(convert):
    scan = {
        "method": "scan",
        "project": "p",
        "command": ["python", "train.py", "--config", "${config_json_file}"],
        "base_config": {"train": {"seed": 1, "lr": 1.0}, "experiment": {"name": "bc"}},
        "parameters": {"train.seed": {"values": [2, 1]}, "train.lr": {"values": [1.0, 0.5]}},
    }

    done = convert("scan.json", "--image", "x", scan__json=json.dumps(scan))

    assert (done.status, done.errors) == (0, "")
    sweep = yaml.safe_load(done.output)["spec"]["sweep"]
    assert json.loads(sweep["base_config"]) == scan["base_config"]
    assert sweep["parameters"] == [
        {"key": "train.seed", "values": [2, 1]},
        {"key": "train.lr", "values": "[1.0, 0.5]"},
    ]


def test_mettas_evaluation_becomes_the_second_stage_of_every_trial(convert, systems):
    done = convert(
        systems / "metta/quick.yaml", *GIVEN, "--project", "p", "--evaluation", "python tools/sweep_eval.py 'sim=a b'"
    )

    spec = yaml.safe_load(done.output)["spec"]
    assert spec["evaluation"] == {"command": ["python", "tools/sweep_eval.py", "sim=a b"]}
    assert spec["sweep"]["metric"] == "reward"


def test_an_evaluation_that_no_shell_could_read_is_told(convert):
    done = convert("sweep.yaml", *GIVEN, "--evaluation", "python 'tools", sweep__yaml=SWEEP)

    assert (done.status, done.output) == (1, "")
    assert done.errors == "error: --evaluation python 'tools: No closing quotation\n"
