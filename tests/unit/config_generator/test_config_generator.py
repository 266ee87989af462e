"""A robomimic script with its import changed writes a WandbSweep whose trials are those of the original."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from wandbsweep.cli.main import main
from wandbsweep.config_generator import ConfigGenerator, ScanError
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.texts.kubernetes import load_manifests
from wandbsweep.sweep.trials.trials import known_beforehand, trial_of

TUTORIAL = Path(__file__).parents[2] / "systems" / "robomimic"
BASE = """\
{"train": {"seed": 1, "L2": 0.0}, "meta": {"kept": true}, "experiment": {"epochs": [], "name": "bc", "logging": {}}}
"""


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch):
    for name in ("WANDB_PROJECT", "WANDBSWEEP_IMAGE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "base.json"
    path.write_text(BASE)
    return path


@pytest.fixture
def generator(base):
    return ConfigGenerator(str(base), image="lab/robomimic", wandb_proj_name="lab")


def trials(path):
    """As the operator sees them once the manifest went through Kubernetes."""
    (manifest,) = load_manifests(path.read_text())
    definition = read_definition(manifest["spec"]["sweep"], field="spec.sweep")
    assert definition.warnings == ()
    return [trial_of(definition, recorded) for recorded in known_beforehand(definition)]


def names(path):
    return [trial.name for trial in trials(path)]


def manifest(path):
    (found,) = load_manifests(path.read_text())
    return found


def lint(path):
    return CliRunner().invoke(main, ["lint", str(path)])


def refusal(call, *args, **changes):
    with pytest.raises(ScanError) as caught:
        call(*args, **changes)
    return str(caught.value)


def test_the_tutorials_script_runs_and_gives_its_eight_trials_in_its_order(tmp_path):
    script, scan = TUTORIAL / "hyperparam_helper.py", tmp_path / "scan.yaml"
    (tmp_path / "base.json").write_text((TUTORIAL / "base.json").read_text())

    done = subprocess.run(
        [sys.executable, script, "--config", tmp_path / "base.json", "--script", scan],
        check=True, capture_output=True, text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "operator"), "WANDB_PROJECT": "lab"},
    )  # fmt: skip

    of_the_tutorial = [
        shlex.split(line)[-1] for line in (TUTORIAL / "out.sh").read_text().splitlines() if "python" in line
    ]
    expected = [Path(path).stem for path in of_the_tutorial]
    assert len(expected) == 8
    assert names(scan) == expected
    assert [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")] == expected
    assert done.stdout.endswith(f"Run them: wandbsweep convert {scan} --image IMAGE | kubectl apply -f -\n")
    assert done.stderr == ""


def test_a_manifest_with_image_and_project_is_complete(generator, capsys):
    generator.add_param("train.L2", "l2", 1, [0.0, 1e-5])

    path = generator.generate()

    assert lint(path).exit_code == 0
    spec = manifest(path)["spec"]
    assert (spec["project"], spec["agentCount"]) == ("lab", 1)
    (container,) = spec["template"]["spec"]["containers"]
    assert (container["image"], container["resources"]["limits"]) == ("lab/robomimic", {"nvidia.com/gpu": 1})
    assert capsys.readouterr().out == (
        f"{path}: WandbSweep bc, 2 trials\n  bc_l2_0.0\n  bc_l2_1e-05\n"
        f"Look at them: wandbsweep preview {path} -n all\nRun them: kubectl apply -f {path}\n"
    )


def test_without_image_and_project_convert_completes_it(base, capsys):
    generator = ConfigGenerator(base, gpus=2)
    generator.add_param("train.seed", "s", 1, [1])

    path = generator.generate()

    assert lint(path).exit_code == 1
    words = ["--image IMAGE --gpus 2 --project PROJECT"]
    assert f"Run them: wandbsweep convert {path} {words[0]} | kubectl apply -f -" in capsys.readouterr().out
    converted = CliRunner().invoke(main, ["convert", str(path), *words[0].replace("PROJECT", "p").split()])
    assert converted.exit_code == 0
    path.write_text(converted.output)
    assert lint(path).exit_code == 0
    assert names(path) == ["bc_s_1"]


def test_each_trials_file_is_byte_for_byte_the_originals(base, tmp_path):
    generator = ConfigGenerator(str(base), wandb_proj_name="lab", image="i")
    generator.add_param("train.L2", "l2", 1, [0.0, 1e-5])
    generator.add_param("train/seed", "", 2, [7])
    generator.add_param("experiment.rate", "r", 3, [50], hidename=True)
    generator.add_param("train.dims", "dims", 1, [[64, 64], []])
    generator.add_param("train.data", "ds", 4, ["/data/é.hdf5"], value_names=["can"])

    first, second = trials(generator.generate())

    assert (first.name, second.name) == ("bc_l2_0.0_dims_64_64_ds_can", "bc_l2_1e-05_dims_ds_can")
    assert first.argv == ("python", "train.py", "--config", "bc_l2_0.0_dims_64_64_ds_can.json")
    expected = (Path(__file__).parent / "bc_l2_0.0_dims_64_64_ds_can.json").read_text()
    assert first.files == {"bc_l2_0.0_dims_64_64_ds_can.json": expected.rstrip("\n").replace("BASE", str(base))}


def test_the_manifest_can_be_read_by_people(generator):
    generator.add_param("train.L2", "l2", 1, [0.0, 1e-5])
    text = generator.generate().read_text()
    assert (
        '    base_config: |-\n      {\n          "train": {\n              "seed": 1,\n              "L2": 0.0\n'
        in text
    )
    assert "      - key: train.L2\n        name: l2\n        group: 1\n        values: '[0.0, 1e-05]'\n" in text


@pytest.mark.parametrize(
    ("arguments", "override", "name", "object_name"),
    [
        ({}, False, "bc_s_1", "bc"),
        ({"base_exp_name": "My Exp"}, False, "My Exp_s_1", "my-exp"),
        ({"base_exp_name": ""}, False, "s_1", "base"),
        ({}, True, "s_1", "base"),
        ({"name": "mine"}, False, "bc_s_1", "mine"),
    ],
)
def test_names_begin_with_the_experiment_or_what_stands_for_it(arguments, override, name, object_name, base):
    generator = ConfigGenerator(str(base), **arguments)
    generator.add_param("train.seed", "s", 1, [1])
    path = generator.generate(override_base_name=override)
    assert (names(path), manifest(path)["metadata"]["name"], path.name) == ([name], object_name, f"{object_name}.yaml")


def test_the_manifest_lies_where_it_was_told(base, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for arguments, place in (
        ({}, base.parent / "bc.yaml"),
        ({"generated_config_dir": "~/new/folder"}, tmp_path / "new" / "folder" / "bc.yaml"),
        ({"script_file": "~/out.sh", "generated_config_dir": "/x"}, tmp_path / "out.sh"),
    ):
        generator = ConfigGenerator(str(base), **arguments)
        generator.add_param("train.seed", "s", 1, [1])
        assert generator.generate() == place
        assert place.exists()


@pytest.mark.parametrize(
    ("given", "environment", "own", "project"),
    [
        ("flag", "env", "file", "flag"),
        (None, "env", "file", "env"),
        (None, None, "file", "file"),
        (None, None, None, None),
    ],
)
def test_the_project_is_the_scripts_else_the_environments_else_the_base_files(
    given, environment, own, project, base, monkeypatch
):
    logging = {"wandb_proj_name": own} if own else {}
    base.write_text(json.dumps({"experiment": {"name": "bc", "logging": logging}, "a": 1}))
    if environment:
        monkeypatch.setenv("WANDB_PROJECT", environment)
    generator = ConfigGenerator(str(base), wandb_proj_name=given)
    generator.add_param("a", "a", 1, [1])

    path = generator.generate()

    assert manifest(path)["spec"].get("project") == project
    (file,) = trials(path)[0].files.values()
    assert json.loads(file)["experiment"]["logging"].get("wandb_proj_name") == (given or own)


def test_the_image_may_come_from_the_environment(base, monkeypatch):
    monkeypatch.setenv("WANDBSWEEP_IMAGE", "lab/env")
    generator = ConfigGenerator(str(base))
    generator.add_param("train.seed", "s", 1, [1])
    assert manifest(generator.generate())["spec"]["template"]["spec"]["containers"][0]["image"] == "lab/env"


def test_what_else_an_object_has_is_asked_for_by_keyword(base):
    generator = ConfigGenerator(
        base, image="i", wandb_proj_name="p", agent_count=4, runs_per_agent=2, entity="lab", namespace="robots",
        command=["/isaac-sim/python.sh", "train.py", "--config", "${config_json_file}"],
    )  # fmt: skip
    generator.add_param("train.seed", "s", 1, [1])
    path = generator.generate(extra_flags="--debug --note 'two words'")
    found = manifest(path)
    assert found["metadata"] == {"name": "bc", "namespace": "robots"}
    assert {key: found["spec"][key] for key in ("entity", "agentCount", "runsPerAgent")} == {
        "entity": "lab", "agentCount": 4, "runsPerAgent": 2,
    }  # fmt: skip
    assert trials(path)[0].argv[0] == "/isaac-sim/python.sh"
    assert trials(path)[0].argv[-3:] == ("--debug", "--note", "two words")


def test_a_key_that_is_added_again_gets_new_values_in_its_old_place_and_prepend_moves_it(generator):
    generator.add_param("train.a", "a", 1, [1])
    generator.add_param("train.b", "b", 2, [1])
    generator.add_param("train.a", "a", 1, [2])
    assert names(generator.generate()) == ["bc_a_2_b_1"]
    generator.add_param("train.b", "b", 2, [3], prepend=True)
    assert names(generator.generate()) == ["bc_b_3_a_2"]


def test_values_and_names_may_be_given_in_pairs(generator):
    generator.add_param("train.data", "ds", 1, values_and_names=[("/data/a.hdf5", "a"), ("/data/b.hdf5", "b")])
    assert names(generator.generate()) == ["bc_ds_a", "bc_ds_b"]
    assert "give one form" in refusal(generator.add_param, "x", "x", 1, [1], values_and_names=[(1, "one")])


@pytest.mark.parametrize("groups", [(1, 1.0), (None, None), ((1, 2), (1, 2)), ("g", "g"), (-1, -1)])
def test_whatever_is_equal_is_one_group(groups, generator):
    generator.add_param("train.a", "a", groups[0], [1, 2])
    generator.add_param("train.b", "b", groups[1], [1, 2])
    assert names(generator.generate()) == ["bc_a_1_b_1", "bc_a_2_b_2"]


def test_whatever_differs_is_two(generator):
    generator.add_param("train.a", "a", None, [1, 2])
    generator.add_param("train.b", "b", (1, 2), [1, 2])
    assert len(names(generator.generate())) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": "abc"}, "parameter 'train.a': values must be a list, not str"),
        ({"values": None}, "parameter 'train.a': values must be a list, not NoneType"),
        ({"values": [{1, 2}]}, "parameter 'train.a': a value cannot stand in a JSON file (Object of type set"),
        ({"values": [1], "value_names": "x"}, "parameter 'train.a': value_names must be a list of texts"),
        ({"values": [1], "value_names": [None]}, "parameter 'train.a': value_names must be a list of texts"),
        ({"values": [1], "group": []}, "parameter 'train.a': group must be a number or text, not []"),
    ],
)
def test_a_parameter_that_cannot_be_written_is_named_at_once(arguments, message, generator):
    given = {"key": "train.a", "name": "a", "group": 1, **arguments}
    assert refusal(generator.add_param, **given).startswith(message)


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        ([], "scan.parameters: is missing"),
        ([("train.a", "a", 1, [])], "scan.parameters[train.a].values: is empty"),
        ([("train.a", "a", 1, [1, 2], ["one"])], "scan.parameters[train.a].value_names: has 1 names, and there are 2"),
        ([("train.a", "a", 1, [1]), ("train.b", "b", 1, [1, 2])], "not equally many: train.a has 1, train.b has 2"),
        ([("train.a", "", 1, [1, 2])], "trials 1 and 2 would both be called 'bc'; they differ in train.a"),
        ([("algo.lr", "lr", 1, [1])], "scan.parameters[algo.lr]: 'algo.lr' leads through 'algo'"),
        ([("train.a", "a", 1, ["/data/x"])], "no file's name can hold '/'; give value_names"),
        ([("train.a", 1, 1, ["x"])], "scan.parameters[train.a].name: must be text"),
        ([("train.a", "a", 1, [1]), ("train/a", "a", 1, [1])], "sets the same thing as 'train.a'"),
    ],
)
def test_a_scan_that_makes_no_sense_says_why_and_writes_nothing(calls, message, generator, base):
    for call in calls:
        generator.add_param(*call)
    assert message in refusal(generator.generate)
    assert list(base.parent.iterdir()) == [base]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("{", "is no JSON"),
        ("[]", "must hold a JSON object"),
        ('{"train": {}}', "scan.base_config.experiment: is missing"),
    ],
)
def test_a_base_file_that_cannot_be_used_is_named(content, message, base):
    base.unlink() if content is None else base.write_text(content)
    generator = ConfigGenerator(str(base))
    generator.add_param("train.a", "a", 1, [1])
    assert message in refusal(generator.generate)


def test_a_project_needs_a_place_in_the_base_file(base):
    base.write_text('{"experiment": {"name": "bc"}}')
    generator = ConfigGenerator(str(base), wandb_proj_name="lab")
    generator.add_param("a", "a", 1, [1])
    assert "has no section experiment.logging to hold it" in refusal(generator.generate)


def test_what_the_api_server_would_refuse_is_refused_here(base):
    generator = ConfigGenerator(str(base), image="i", wandb_proj_name="lab/x")
    generator.add_param("train.seed", "s", 1, [1])
    assert "spec.project: must be the name of one W&B project" in refusal(generator.generate)


def test_a_folder_that_cannot_be_written_is_named(base):
    generator = ConfigGenerator(str(base), script_file="/proc/nowhere/scan.yaml")
    generator.add_param("train.seed", "s", 1, [1])
    assert refusal(generator.generate).startswith("/proc/nowhere/scan.yaml cannot be written")


def test_a_value_that_looks_like_a_number_is_warned_of(generator, capsys):
    generator.add_param("train.lr", "lr", 1, ["1e-5"])
    generator.generate()
    assert "warning: scan.parameters[train.lr].values[0]: '1e-5' is text" in capsys.readouterr().err
