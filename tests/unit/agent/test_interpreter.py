"""The W&B agent runs with a Python that can import wandb, however the image hides it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from wandbsweep.agent.drain import drain_budget
from wandbsweep.agent.interpreter import Interpreter, WandbMissingError, find_interpreter
from wandbsweep.agent.settings import AgentSettings
from wandbsweep.agent.wandb_command import wandb_agent_command


@pytest.fixture
def plain_python(tmp_path):
    """An interpreter without any package: the one under this virtual environment, isolated by an empty site."""
    return os.path.realpath(sys.executable)


@pytest.fixture
def search_path(tmp_path):
    """A folder from which wandb 9.8.7 can be imported."""
    (tmp_path / "prebundle" / "wandb").mkdir(parents=True)
    (tmp_path / "prebundle" / "wandb" / "__init__.py").write_text('__version__ = "9.8.7"\n')
    return tmp_path / "prebundle"


def test_the_users_choice_wins(script, search_path):
    chosen = script("chosen", f'PYTHONPATH={search_path} exec {sys.executable} "$@"\n', "/bin/sh")
    found = find_interpreter(str(chosen), {"PATH": os.environ["PATH"]})
    assert found.executable == sys.executable


def test_a_choice_without_wandb_is_not_replaced_by_another(script):
    useless = script("useless", "echo 'it is broken' >&2\nexit 1\n", "/bin/sh")
    with pytest.raises(WandbMissingError, match=f"{useless}: it is broken"):
        find_interpreter(str(useless), {"PATH": str(Path(sys.executable).parent)})


def test_the_first_python_with_wandb_is_found():
    found = find_interpreter(None, {"PATH": str(Path(sys.executable).parent)})
    assert found.search_paths == {}
    assert json.loads(json.dumps(found.wandb_version)).count(".") == 2


def test_of_a_script_in_front_of_an_interpreter_only_its_search_paths_are_taken(script, search_path, plain_python):
    wrapper = script("python.sh", f'export PYTHONPATH={search_path}\n{plain_python} "$@"\nexit $?\n', "/bin/sh")
    found = find_interpreter(str(wrapper), {"PATH": "/usr/bin:/bin"})
    assert found == Interpreter(plain_python, "9.8.7", {"PYTHONPATH": str(search_path)})


def test_the_folder_in_which_wandb_keeps_runs_is_not_wandb(tmp_path, monkeypatch, plain_python):
    (tmp_path / "wandb").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WandbMissingError, match="has no attribute '__version__'"):
        find_interpreter(plain_python, {"PATH": "/usr/bin:/bin"})


def test_without_any_the_message_names_the_remedy(tmp_path):
    with pytest.raises(WandbMissingError, match=r"python3: not found.*: install wandb, or set WANDBSWEEP_PYTHON$"):
        find_interpreter(None, {"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("version", "flags"),
    [
        ("0.31.0", ["--forward-signals", "--term-timeout", "27", "--max-consecutive-failed-runs", "3"]),
        ("0.30.0", ["--forward-signals", "--term-timeout", "27"]),
        ("0.28.2", ["--forward-signals", "--term-timeout", "27"]),
        ("0.28.1", ["--forward-signals"]),
        ("0.24.0", ["--forward-signals"]),
        ("0.22.2", []),
        ("1.0.0rc1", ["--forward-signals", "--term-timeout", "27", "--max-consecutive-failed-runs", "3"]),
    ],
)
def test_the_agent_gets_only_flags_that_its_version_knows(version, flags):
    settings = AgentSettings.from_environ({"WANDBSWEEP_SWEEP": "team/lab/abc"})
    command = wandb_agent_command(Interpreter("/py", version), settings, drain_budget(30))
    assert command[0] == "/py"
    assert command[command.index("agent") :] == ["agent", *flags, "team/lab/abc"]


def test_runs_per_agent_becomes_the_agents_count():
    settings = AgentSettings.from_environ({"WANDBSWEEP_SWEEP": "team/lab/abc", "WANDBSWEEP_RUNS_PER_AGENT": "7"})
    command = wandb_agent_command(Interpreter("/py", "0.31.0"), settings, drain_budget(30))
    assert command[-3:] == ["--count", "7", "team/lab/abc"]
