"""`wandbsweep trial`: what was sampled is what the trainer gets, and what became of it is recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wandbsweep.agent.interpreter_map import InterpreterMapError, map_interpreter, read_interpreter_map

PRINT_ARGUMENTS = "import json, sys\nprint(json.dumps(sys.argv[1:]))\n"


@pytest.fixture
def trial(runtime, environ, tmp_path):
    """Runs one trial to its end."""

    def run(values, *command, **variables):
        return subprocess.run(
            [runtime / "bin" / "wandbsweep", "trial", json.dumps(values), "--", *map(str, command)],
            env={**environ, "WANDB_RUN_ID": "r1", **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def outcome(environ, run_id="r1"):
    return json.loads((Path(environ["WANDBSWEEP_HOME"]) / "outcomes" / f"{run_id}.json").read_text())


def test_the_trainer_gets_the_sampled_values_exactly(trial, script):
    trainer = script("train.py", PRINT_ARGUMENTS)
    values = {"agent.lr": 1e-05, "agent.layers": [64, 64], "env.name": "a b", "flag": True, "none": None}
    done = trial(values, trainer, "--task=Anymal", "$${args_no_hyphens}")
    assert json.loads(done.stdout) == [
        "--task=Anymal",
        "agent.lr=1e-05",
        "agent.layers=[64,64]",
        "env.name='a b'",
        "flag=true",
        "none=null",
    ]


def test_the_values_also_come_as_a_file(trial, script):
    trainer = script("train.py", "import sys\nprint(open(sys.argv[1]).read())\n")
    values = {"a": 1e-07, "b": {"c": [None, True]}}
    assert json.loads(trial(values, trainer, "$${args_json_file}").stdout) == values


def test_a_finished_run_is_recorded(trial, environ):
    assert trial({}, "true").returncode == 0
    assert (outcome(environ)["outcome"], outcome(environ)["exitCode"]) == ("finished", 0)


def test_the_exit_code_is_the_trainers(trial, environ):
    assert trial({}, sys.executable, "-c", "raise SystemExit(7)").returncode == 7
    assert (outcome(environ)["outcome"], outcome(environ)["exitCode"]) == ("failed", 7)


def test_death_by_a_signal_is_reported_as_a_shell_does(trial, environ):
    assert trial({}, "sh", "-c", "kill -9 $$").returncode == 137
    assert (outcome(environ)["outcome"], outcome(environ)["exitCode"]) == ("failed", 137)


def test_a_program_that_is_not_there_is_named_in_one_line(trial, environ):
    done = trial({}, "/isaac-sim/missing.sh", "train.py")
    assert done.returncode == 127
    assert done.stderr.startswith("wandbsweep trial: /isaac-sim/missing.sh was not found on this machine")
    assert done.stderr.count("\n") == 1
    assert outcome(environ)["outcome"] == "failed"


def test_a_file_that_cannot_be_executed_is_named_in_one_line(trial, tmp_path):
    (tmp_path / "train.py").write_text("print('never')")
    done = trial({}, tmp_path / "train.py")
    assert done.returncode == 126
    assert done.stderr == f"wandbsweep trial: {tmp_path}/train.py cannot be executed: Permission denied\n"


def test_a_value_that_no_argument_can_carry_starts_nothing(trial, script, tmp_path, environ):
    trainer = script("train.py", "open('started', 'w')\n")
    done = trial({"layers": {"a^b": 1}}, trainer, "$${args_no_hyphens}")
    assert done.returncode == 64
    assert "'layers'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "started").exists()
    assert outcome(environ)["exitCode"] == 64


@pytest.mark.parametrize(
    "words",
    [[], ["{}"], ["{}", "--"], ["{}", "true"], ["not json", "--", "true"], ["[1]", "--", "true"]],
)
def test_a_command_line_that_cannot_be_read_ends_with_64(runtime, environ, words):
    done = subprocess.run(
        [runtime / "bin" / "wandbsweep", "trial", *words], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 64
    assert done.stderr.startswith("wandbsweep trial: ")
    assert done.stderr.count("\n") == 1


def test_on_a_workstation_it_needs_no_variable_of_its_own(runtime, tmp_path):
    done = subprocess.run(
        [runtime / "bin" / "wandbsweep", "trial", "{}", "--", "true", "$${args_json_file}"],
        env={"PATH": os.environ["PATH"], "WANDB_RUN_ID": "r9", "WANDB_DIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0
    assert (tmp_path / "wandb" / "wandbsweep" / "outcomes" / "r9.json").is_file()
    assert (tmp_path / "wandb" / "wandbsweep" / "args" / "r9.json").is_file()


def test_a_full_or_read_only_folder_does_not_fail_a_finished_run(trial):
    done = trial({}, "true", WANDBSWEEP_HOME="/proc/nowhere")
    assert done.returncode == 0
    assert "could not be recorded" in done.stderr


def test_the_installed_command_hands_the_two_dashes_on(environ):
    command = [sys.executable, "-c", "from wandbsweep.cli.agent import trial; trial()"]
    done = subprocess.run(
        [*command, '{"a": 1.0}', "--", "echo", "--help", "$${args_no_hyphens}"],
        env={**environ, "PYTHONPATH": str(Path(__file__).parents[3] / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "--help a=1.0\n"


def test_a_workstation_maps_the_interpreter(trial):
    rows = json.dumps({"/isaac-sim/python.sh": f"{sys.executable} -c"})
    done = trial({}, "/isaac-sim/python.sh", "print('mapped')", WANDBSWEEP_INTERPRETER_MAP=rows)
    assert done.stdout == "mapped\n"


@pytest.mark.parametrize(
    ("argv", "mapped"),
    [
        (["python", "train.py"], ["/opt/py", "-u", "train.py"]),
        (["/usr/bin/env", "python", "train.py"], ["/usr/bin/env", "/opt/py", "-u", "train.py"]),
        (["env"], ["env"]),
        (["bash", "python"], ["bash", "python"]),
    ],
)
def test_only_the_program_at_the_beginning_is_mapped(argv, mapped):
    assert map_interpreter(argv, {"python": ["/opt/py", "-u"]}) == mapped


@pytest.mark.parametrize("text", ["python=py", "[1]", '{"python": 1}', '{"python": ""}', '{"python": "\'open"}'])
def test_a_malformed_map_is_refused_with_the_remedy(text):
    with pytest.raises(InterpreterMapError, match=r"WANDBSWEEP_INTERPRETER_MAP .*: write it as"):
        read_interpreter_map(text)
