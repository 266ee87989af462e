"""What `preview` shows is what runs: the stock agent's code and the trial launcher start exactly that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stock_agent import stock_agent_argv
from wandbsweep.cli.main import main
from wandbsweep.config_generator import ConfigGenerator
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.launch import LaunchError
from wandbsweep.sweep.trials.recorded import recorded_values
from wandbsweep.sweep.trials.trials import known_beforehand, trial_of

SYSTEMS = Path(__file__).parents[2] / "systems"
DUMP = """#!{python}
import json, os, sys
found = {{word: open(word).read() for word in sys.argv[1:] if word.endswith(".json") and os.path.exists(word)}}
json.dump({{"argv": sys.argv[1:], "files": found}}, open(os.environ["DUMP"], "w"))
"""
EVERY_MACRO = """
method: grid
program: train.py
command: [python, "${program}", --task=Ünïcode task, "${args_no_equals}", "${args_no_boolean_flags}", --,
  "${args_override_hydra}", "${args_append_hydra}", "${args_json}", "${args_json_file}", 7, "$${args}", "${nobody}"]
parameters:
  flag: {values: [true, false]}
  list: {values: [[1, 2.5, null], ["a,b", "it's"]]}
  lr: {value: 1e-5}
  text: {values: ["", " ", "${oc.env:HOME}", "null", "-x=y"]}
"""


def robomimic_scan(folder):
    generator = ConfigGenerator(SYSTEMS / "robomimic/base.json", script_file=folder / "scan.yaml")
    generator.add_param("algo.rnn.horizon", name="rh", group=1, values=[10, 20])
    generator.add_param("algo.optim_params.policy.regularization.L2", name="l2", group=2, values=[0.0, 1e-6])
    generator.generate()
    return (folder / "scan.yaml").read_text()


DEFINITIONS = {
    **{
        name: lambda _, path=path: (SYSTEMS / path).read_text()
        for name, path in {
            "interactive navigation": "interactive-navigation/sweep.yaml",
            "AGILE": "agile/sweep.yaml",
            "gymnasium-solver": "gymnasium-solver/quick_ppo_grid.yaml",
            "Metta": "metta/quick.yaml",
        }.items()
    },
    "robomimic": robomimic_scan,
    "every macro": lambda _: EVERY_MACRO,
}


def said(text, *words):
    done = CliRunner().invoke(main, [*words, "-", "-o", "json"], input=text)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def run_as_agents_do(tmp_path):
    """Has the agent fill in the command of a sweep, runs the launcher, and returns what its program got."""
    program = tmp_path / "bin" / "python"
    program.parent.mkdir()
    program.write_text(DUMP.format(python=sys.executable))
    program.chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    environ |= {
        "PATH": f"{program.parent}:{environ['PATH']}",
        "DUMP": str(tmp_path / "dump.json"),
        "WANDBSWEEP_HOME": str(tmp_path / "home"),
        "WANDB_RUN_ID": "args",  # files are called after the run, and in a preview there is none
        "WANDBSWEEP_INTERPRETER_MAP": json.dumps({"/isaac-sim/python.sh": str(program)}),
    }

    def run(config, recorded):
        words = stock_agent_argv(config["command"], recorded, program=config.get("program", ""))
        assert words[:2] == ["wandbsweep", "trial"]
        done = subprocess.run(
            [sys.executable, "-m", "wandbsweep", *words[1:]],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "dump.json").read_text())

    return run


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_what_preview_shows_is_what_the_trial_launcher_runs(definition, run_as_agents_do, tmp_path):
    text = definition(tmp_path)
    config = said(text, "config")

    for number, shown in enumerate(said(text, "preview", "-n", "3")):
        cells = config["parameters"].get("scan", {}).get("values")
        ran = run_as_agents_do(config, {"scan": cells[number]} if cells else shown["values"])

        at = {Path(path).name: path for path in ran["files"]}
        expected = [at.get(word, word) for word in shown["argv"]]
        interpreter = 2 if expected[0] == "/usr/bin/env" else 1
        assert ran["argv"] == expected[interpreter:]
        assert {Path(path).name: content for path, content in ran["files"].items()} == shown["files"]


def define(**changes):
    base = {"method": "grid", "program": "train.py", "command": ["python", "${program}", "${args_no_hyphens}"]}
    return read_definition({**base, **changes}, field="sweep")


def test_variables_of_the_pod_stay_as_they_are():
    definition = define(
        command=["${env}", "${envvar:TRAINER}", "--data=${envvar:DATA}/x"], parameters={"a": {"value": 1}}
    )

    (recorded,) = known_beforehand(definition)

    assert trial_of(definition, recorded).argv == ("/usr/bin/env", "${envvar:TRAINER}", "--data=${envvar:DATA}/x")


def test_a_value_that_no_argument_can_carry_is_an_error_that_names_its_parameter():
    definition = define(method="random", parameters={"a": {"min": 0.0, "max": 1.0}})

    with pytest.raises(LaunchError, match=r"parameter 'a'.*NUL"):
        trial_of(definition, {"a": "\0"})


def test_of_a_search_nothing_is_known_beforehand():
    assert known_beforehand(define(method="random", parameters={"a": {"min": 0.0, "max": 1.0}})) is None


def test_a_record_is_sorted_by_name_with_nested_parameters_behind():
    definition = define(
        method="random",
        parameters={
            "b": {"parameters": {"y": {"value": 1}, "x": {"value": {"k": 2}}}},
            "c": {"value": 3},
            "a": {"value": 4},
        },
    )
    values = {parameter.path: parameter.settings["value"] for parameter in definition.parameters}

    record = recorded_values((parameter, values[parameter.path]) for parameter in definition.parameters)

    assert json.dumps(record) == '{"a": 4, "c": 3, "b": {"x": {"k": 2}, "y": 1}}'


def test_a_scaled_dictionary_is_recorded_with_its_two_companions():
    body = {"values": [2.0], "p_cli_path": {"value": "env.p"}, "p_base_dict": {"value": '{"a": 1.5}'}}
    definition = define(parameters={"p": body, "p_a": {"value": 1}})

    (recorded,) = known_beforehand(definition)

    assert recorded == {"p": 2.0, "p_a": 1, "p_base_dict": '{"a": 1.5}', "p_cli_path": "env.p"}
    assert trial_of(definition, recorded).argv == ("python", "train.py", "env.p={a:3.0}", "p_a=1")
